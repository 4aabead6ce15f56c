"""A photograph becomes an array, and a file again.

photo.py       THE DOOR: Photo, read, write, pages           formats/       one file, one format: its codec
telling.py     which format a file is of                     codec.py       what a codec is
losses.py      what a format cannot hold, said and taken     disk.py        bytes from the disk, and to it
raster.py      samples in and out of libvips and Pillow      icc.py         color profiles
exif.py        EXIF blocks, which are small TIFFs            tags.py        TIFF's directories
xmp.py         XMP packets, edited where they lie            photoshop.py   image resources, IPTC among them
boxes.py       what HEIF and AVIF have in common             behind.py      what phones put behind a picture
thumbnails.py  small pictures, made anew                     location.py    where it was taken, forgotten
"""
