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

say() { printf '\n== %s\n' "$*" >&2; }
