# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with tools/buildroot
# SPDX-License-Identifier: GPL-2.0-only
#
# The cache directory: its layout, its locks, and clearing it up.

readonly layout=1
readonly root=$cache/roots/$key partial=$cache/roots/$key.partial log=$cache/buildroot.log
# mmdebstrap's unshare mode works as other user ids, which a private home directory would shut out.
scratch=/var/tmp/sleeptimer-buildroot.$uid.$(printf %s "$cache" | sha256sum | cut -c1-12)
readonly scratch

need_writable_cache() {
	[ -w "$cache" ] && [ -w "$cache/roots" ] && return 0
	die "cannot write to $cache: set SLEEPTIMER_CACHE to a directory of yours"
}

open_cache() {
	mkdir -p "$cache/roots" 2>/dev/null || true
	need_writable_cache
	# By renaming: another run must not see the file without its content.
	[ -e "$cache/layout" ] || { echo "$layout" >"$cache/layout.$$" && mv "$cache/layout.$$" "$cache/layout"; }
	[ "$(cat "$cache/layout")" = "$layout" ] ||
		die "$cache was laid out by another version of this tool: run: tools/buildroot prune"
}

# hold FD MODE FILE: locks FILE (-x or -s) until this process and those it starts have ended.
hold() {
	eval "exec $1>>\"\$3\""
	flock --nonblock "$2" "$1" && return 0
	say "waiting for another run that makes or deletes a root in $cache"
	flock "$2" "$1"
}

# Only mmdebstrap can delete what its unshare mode left behind, being other users' files.
remove_partial() {
	rm -rf --one-file-system "$partial" "$cache/kernels.xz"
	rm -rf "$scratch" 2>/dev/null && return 0
	mmdebstrap --unshare-helper find "$scratch" -mindepth 2 -delete
	rm -rf "$scratch"
}

# Deletes a root or kernel tree unless a run uses it.
remove_unused() (
	exec 9>>"${1%.partial}.lock"
	flock --nonblock -x 9 || { say "keeping $1: in use"; return; }
	say "removing $1"
	rm -rf --one-file-system "$1"
)

# True if the root is that of one of the toolchains.
root_is_current() {
	[ "${1##*/}" = "$(recipe_key "${gcc_packages[@]}" "$unpack_load")" ] ||
		[ "${1##*/}" = "$(recipe_key "${llvm_packages[@]}")" ]
}

# newest_of DIR PATTERN: prints the newest tree in DIR with such a name.
newest_of() {
	find "$1" -maxdepth 1 -type d -name "$2" -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2
}

# True if the kernel tree is the newest one of a kernel that the current root has.
kdir_is_current() {
	local release=${1##*/}
	release=${release%-*}
	[ -e "$root/etc/sleeptimer-buildroot" ] &&
		grep -q " $release " "$root/etc/sleeptimer-buildroot" &&
		[ "$1" = "$(newest_of "$cache/kdir" "$release-????????")" ]
}

# True if the debug kernel is the newest one of its flavour.
debug_kernel_is_current() {
	local flavour=${1##*/}
	[ "$1" = "$(newest_of "$cache/debug-kernels" "${flavour%%-*}-*-????????")" ]
}

is_current() {
	case $1 in
	"$cache/roots"/*) root_is_current "$1" ;;
	"$cache/kdir"/*) kdir_is_current "$1" ;;
	*) debug_kernel_is_current "$1" ;;
	esac
}

prune() {
	local dir everything=${1:-}
	[ ! -e /etc/sleeptimer-buildroot ] || die "prune works on the host only: leave the root first"
	[ -d "$cache" ] || return 0
	need_writable_cache
	[ "$(cat "$cache/layout" 2>/dev/null)" = "$layout" ] || everything=--all
	hold 8 -x "$cache/making.lock"
	remove_partial
	for dir in "$cache"/roots/*/ "$cache"/kdir/*/ "$cache"/debug-kernels/*/; do
		dir=${dir%/}
		[ -d "$dir" ] || continue
		if [ "$everything" = --all ] || ! is_current "$dir"; then remove_unused "$dir"; fi
	done
	echo "$layout" >"$cache/layout"
}
