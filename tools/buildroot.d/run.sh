# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with tools/buildroot
# SPDX-License-Identifier: GPL-2.0-only
#
# Running commands in the root, in a private mount namespace.

need_root() {
	open_cache
	need_namespaces
	hold 9 -s "$root.lock"
	[ -d "$root" ] || make_root
}

print_path() {
	if host_is_root; then echo /; else need_root; echo "$root"; fi
}

print_manifest() {
	local path
	if [ ! -e /etc/sleeptimer-buildroot ] && host_is_root; then
		installed_kernels
	else
		path=$(print_path)
		grep '^series ' "$path/etc/sleeptimer-buildroot"
	fi
}

# Lets cargo in the root use the registry settings (mirrors) of this user.
share_cargo_settings() {
	local theirs=${CARGO_HOME:-$HOME/.cargo}/config.toml
	mkdir -p "$cache/cargo"
	awk '/^\[/ { keep = /^\[(source|registry|registries|net|http)[].]/ } keep && !/^cainfo/' \
		"$theirs" 2>/dev/null >"$cache/cargo/config.toml.$$" || true
	mv "$cache/cargo/config.toml.$$" "$cache/cargo/config.toml"
}

# In the private mount namespace: shares the host's directories and files with the root.
share_host() {
	local dir file
	for dir in "$cache" "$checkout" /proc /sys /dev /tmp; do
		mkdir -p "$root$dir"
		mount --rbind "$dir" "$root$dir"
	done
	[ ! -e /etc/resolv.conf ] || mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
	for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
		[ ! -f "$file" ] || break
	done
	[ ! -f "$file" ] || mount --bind "$file" "$root/etc/ssl/certs/ca-certificates.crt"
}

# Prints NAME=VALUE of the variables that mean the same inside the root, separated by NUL.
shared_environment() {
	local name
	printf '%s\0' HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
		"CARGO_HOME=$cache/cargo" "SLEEPTIMER_CACHE=$cache"
	for name in $(compgen -e); do
		case $name in
		SLEEPTIMER_CACHE) ;;
		SLEEPTIMER_* | TERM | CI | SOURCE_DATE_EPOCH | KRUSTFLAGS | RUSTFLAGS | RUST_BACKTRACE | \
			CARGO_NET_* | CARGO_TERM_* | *_proxy | *_PROXY) printf '%s=%s\0' "$name" "${!name}" ;;
		esac
	done
}

# The second half of run_in_root, inside the namespaces.
enter_root() {
	local environment
	share_host
	mapfile -d '' environment < <(shared_environment)
	exec chroot "$root" env -i --chdir="$PWD" "${environment[@]}" "$@"
}

run_in_root() {
	local namespaces=(--mount)
	[ $# -gt 0 ] || die "run: give a command, as in: tools/buildroot run -- rustc --version"
	if host_is_root; then exec "$@"; fi
	cd -P . || exit
	case $PWD/ in
	"$checkout"/* | "$cache"/* | /tmp/*) ;;
	*) die "$PWD is not visible in the root: change to a directory in $checkout, $cache or /tmp" ;;
	esac
	need_root
	share_cargo_settings
	[ "$uid" = 0 ] || namespaces+=(--user --map-root-user)
	exec unshare "${namespaces[@]}" -- "$script" enter-root "$@"
}
