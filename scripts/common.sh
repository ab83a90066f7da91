# Shared by the scripts of this folder: source it, then call in the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/nibble

# bazel COMMAND ARGS..., with a disk cache that survives `git clean` and is shared by checkouts.
run_bazel() {
  local command=$1
  shift
  bazel "$command" --disk_cache="$cache/bazel" --color=no --curses=no --show_progress_rate_limit=60 "$@"
}

# The shared libraries that a program needs, but those of the C library, which are any machine's own.
libraries_of() {
  ldd "$1" | awk '$3 ~ /^\// { print $3 }' | grep -vE '/(libc|libm|libdl|librt|libpthread)\.so'
}

# Debian's package that a file is from; /lib may be a link to /usr/lib.
package_of() {
  local file found
  for file in "$1" "$(realpath "$1")" "/usr$1"; do
    found=$(dpkg-query -S "$file" 2> /dev/null) && echo "${found%%:*}" && return
  done
  echo "$1: expected a file of an installed package, found none" >&2
  return 1
}

say() { printf '\n== %s\n' "$*" >&2; }

# make_venv NAME REQUIREMENTS [PIP OPTION]...: a virtual environment in the cache, made anew when the file of requirements
# changes.
make_venv() {
  local venv=$cache/$1 requirements=$2
  shift 2
  cmp -s "$requirements" "$venv/requirements.txt" && return
  python3 -m venv --clear "$venv" &&
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements" "$@" &&
    cp "$requirements" "$venv/"
}

# llama.cpp's programs (these need cmake and ninja) and the SmolLM2 checkpoint, by the shared data's scripts, in the
# cache's folders peers and smollm2; ten minutes the first time. Needs make_venv venv, and ../shared.
make_peers() {
  local PATH=$cache/venv/bin:$PATH
  [[ -x $cache/peers/bin/llama-perplexity ]] || ../shared/peers/build-llama-cpp "$cache/peers" || return
  [[ -f $cache/smollm2/config.json ]] || python ../shared/models/make_smollm2.py "$cache/smollm2"
}
