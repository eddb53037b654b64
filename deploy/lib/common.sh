# Shared by the scripts of this folder. Source it; it sets $root and defines functions.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PRECIS_MODELS_DIR=${PRECIS_MODELS_DIR:-$HOME/.local/share/precis/models}
jobs=${PRECIS_JOBS:-$(nproc)}
# Another clone of the same sources shares what was compiled before, precompiled headers included.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# packages SECTION...: the names of these sections of packages.txt.
packages() {
  local section='' line wanted=" $* "
  while read -r line; do
    case "$line" in
      ''|'#'*) ;;
      '['*) section=${line//[\[\]]/} ;;
      *) if [[ "$wanted" == *" $section "* ]]; then printf '%s\n' "$line"; fi ;;
    esac
  done < "$root/deploy/packages.txt"
}

# install_packages SECTION...: installs what is missing, as root or by sudo; with neither, says what to run and ends.
install_packages() {
  local missing=() name
  for name in $(packages "$@"); do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  if [ ${#missing[@]} -eq 0 ]; then return 0; fi
  local as=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      as=(sudo)
    else
      die "packages are missing, and this is neither root nor sudo. Run as root, then call this script again:
  apt-get install -y --no-install-recommends ${missing[*]}"
    fi
  fi
  say "installing ${#missing[@]} Debian packages"
  local options=(-y --no-install-recommends -o Dpkg::Use-Pty=0)
  if ! DEBIAN_FRONTEND=noninteractive "${as[@]}" apt-get install "${options[@]}" "${missing[@]}" >/dev/null 2>&1; then
    "${as[@]}" apt-get update -qq
    # Docs are left out of slim images by dpkg's own settings; the real documents are wanted here.
    DEBIAN_FRONTEND=noninteractive "${as[@]}" apt-get install "${options[@]}" "${missing[@]}" >/dev/null ||
      die "apt-get could not install: ${missing[*]}"
  fi
}

# build PRESET [TARGET...]
build() {
  local preset=$1; shift
  say "building ($preset)"
  (cd "$root" && cmake --preset "$preset" >"$root/build/$preset.configure.log" 2>&1) || {
    tail -30 "$root/build/$preset.configure.log" >&2
    die "cmake could not configure; the whole log is build/$preset.configure.log"
  }
  cmake --build "$root/build/$preset" -j "$jobs" ${1:+--target "$@"}
}

# pull_model NAME: fetches and verifies; answers 1 when that fails.
pull_model() { "$root/build/release/bin/precis" model pull "$1"; }

mkdir -p "$root/build"
