# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with tools/buildroot
# SPDX-License-Identifier: GPL-2.0-only
#
# What this host has to have: tools, namespaces, user ids, disk space.

readonly need_mb=3000
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the packages among "command=package" arguments whose command (or file) is missing.
missing_packages() {
	local pair
	for pair in "$@"; do
		command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] || printf '%s ' "${pair#*=}"
	done
}

# Installs the missing ones of the given "command=package" pairs, or says how to.
need_tools() {
	local missing install
	missing=$(missing_packages "$@" | xargs)
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		die "this host lacks $missing: install them from your distribution, with apt (mmdebstrap uses it)"
	install="apt-get update && apt-get install --no-install-recommends $missing"
	[ "$uid" = 0 ] || die "this host lacks $missing: run: sudo sh -c '$install'"
	say "installing $missing"
	{ apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		xargs apt-get -qy install --no-install-recommends <<<"$missing"; } >&2 ||
		die "could not install $missing: run by hand: $install"
}

need_build_tools() {
	[ "$(uname -m)" = x86_64 ] || die "builds for x86-64 on x86-64 only: use such a machine"
	local tools=(mmdebstrap=mmdebstrap "$keyring=debian-archive-keyring")
	[ "$uid" = 0 ] || tools+=(newuidmap=uidmap)
	need_tools "${tools[@]}"
}

need_vm_tools() {
	need_tools qemu-system-x86_64=qemu-system-x86
}

# Prints the manifest lines of the kernels that are installed here, all packages being there too.
installed_kernels() {
	local wanted release version
	dpkg-query -W "${packages[@]}" >/dev/null 2>&1 || return 1
	for wanted in "${series[@]}"; do
		read -r version release < <(dpkg-query -Wf '${Version} ${Package}\n' \
			"linux-headers-$wanted.*-cloud-amd64" 2>/dev/null | sort -V | tail -1) || return 1
		release=${release#linux-headers-}
		dpkg-query -W "linux-source-$wanted" >/dev/null 2>&1 && [ -e "/boot/vmlinuz-$release" ] ||
			return 1
		printf 'series %s %s %s\n' "$wanted" "$release" "$version"
	done
}

# True if this very system can serve as the root: it is one, or has all that one has.
host_is_root() {
	[ ! -e /etc/sleeptimer-buildroot ] || return 0
	# shellcheck disable=SC1091 # a file of every host
	[ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = "$suite" ] &&
		installed_kernels >/dev/null
}

need_namespaces() {
	local unprivileged=/proc/sys/kernel/unprivileged_userns_clone
	local apparmor=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
	if [ "$uid" = 0 ]; then
		unshare --mount true 2>/dev/null ||
			die "may not mount: give this container CAP_SYS_ADMIN (docker run --privileged)"
	elif ! unshare --user --map-root-user --mount true 2>/dev/null; then
		[ "$(cat $unprivileged 2>/dev/null)" != 0 ] ||
			die "user namespaces are off: run: sudo sysctl kernel.unprivileged_userns_clone=1"
		[ "$(cat $apparmor 2>/dev/null)" != 1 ] ||
			die "AppArmor forbids user namespaces: run: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
		die "no user namespaces here: run as root, or: sudo sysctl user.max_user_namespaces=10000"
	fi
}

# mmdebstrap needs a range of user ids that this user may take on.
need_subuids() {
	local user file first
	[ "$uid" != 0 ] || return 0
	user=$(id -un)
	for file in /etc/subuid /etc/subgid; do
		grep -Eqs "^($user|$uid):[0-9]+:[0-9]{5,}$" "$file" && continue
		first=$(cat /etc/subuid /etc/subgid 2>/dev/null |
			awk -F: 'BEGIN { end = 100000 } $2 + $3 > end { end = $2 + $3 } END { print end }')
		die "$user has no ids in $file: run: sudo usermod --add-subuids $first-$((first + 65535))" \
			"--add-subgids $first-$((first + 65535)) $user"
	done
}

# need_space DIR: the file system of DIR has room for a root.
need_space() {
	local free
	free=$(df --output=avail -BM "$1" | tail -1 | tr -dc 0-9)
	[ "$free" -ge "$need_mb" ] ||
		die "$1 has $free MB free and $need_mb MB are needed: free some, or set SLEEPTIMER_CACHE to another disk"
}
