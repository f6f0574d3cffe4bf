#!/bin/sh
# The pictures that distil.c learns from beside CIFAR-10's: textures of two free games and desktop backgrounds, as
# Debian's packages have them. Nothing is installed. pictures.sh FOLDER makes FOLDER/textures and FOLDER/scenes.
set -eu
folder=${1:?the folder to make}
mkdir -p "$folder/packages" "$folder/textures" "$folder/scenes"
folder=$(cd "$folder" && pwd)
cd "$folder/packages"
apt-get download ufoai-textures openarena-081-textures gnome-backgrounds mate-backgrounds plasma-workspace-wallpapers \
    lomiri-wallpapers-16.04 lomiri-wallpapers-20.04
for package in *.deb; do
    dpkg-deb -x "$package" "${package%%_*}"
done
find . -name '*.pk3' -execdir unzip -qq -o {} ';'

# As links with short names, so that equal packages give an equal order. Left out are maps of bumps and gloss, tiny
# pictures, and what is there twice in another size.
number=0
link() {
    number=$((number + 1))
    ln -sf "$1" "$2/$(printf %04d $number).${1##*.}"
}
find "$PWD" -path '*/textures/*' -size +30k '(' -name '*.jpg' -o -name '*.png' ')' | sort |
    grep -Ev '_(nm|gm|rm|sm|norm|local)[.]|tex_common|tex_lights|skies' |
    while read -r file; do link "$file" ../textures; done
find "$PWD" '(' -path '*/backgrounds/*' -o -path '*/wallpapers/*' ')' -size +100k \
    '(' -name '*.jpg' -o -name '*.png' -o -name '*.webp' ')' | sort |
    grep -Ev 'screenshot|images_dark|Elephants_|1080x1920|720x1440|1622x2880' |
    while read -r file; do link "$file" ../scenes; done
echo "textures: $(ls ../textures | wc -l), scenes: $(ls ../scenes | wc -l)"
