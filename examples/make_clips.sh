#!/bin/sh
# Makes clip.mp4 and film.mp4 (both silent) from their sources; see README.md for where these come from.
#   make_clips.sh GRID_VIDEO SINTEL_TRAILER [FFMPEG]
set -eu
here=$(dirname "$0")
ffmpeg=${3:-$(python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')}
"$ffmpeg" -v error -y -i "$1" -map 0:v:0 -c copy -fflags +bitexact "$here/clip.mp4"
"$ffmpeg" -v error -y -ss 12 -t 4 -i "$2" -map 0:v:0 -map_metadata -1 -c:v libx264 -crf 20 -preset slow \
    -pix_fmt yuv420p -fflags +bitexact -flags:v +bitexact "$here/film.mp4"
