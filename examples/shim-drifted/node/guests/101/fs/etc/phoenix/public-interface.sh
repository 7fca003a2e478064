#!/bin/sh
# Written by phoenix: declare changes in its files, those made here are lost.
#
# Makes the public interface of this container right: which packets get in, which interface answers
# for which address, and by which way answers leave. LXC runs it at every start, before the
# container's init (`lxc.hook.start`); it may be run again at any time.
#
# It always ends with 0, because a hook that fails keeps the container from starting. What failed is
# said on standard error, and in /var/log/phoenix-public-interface.log.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 022
# Words are split on purpose below, and are never patterns.
set -f

log=/var/log/phoenix-public-interface.log
{ : > "$log"; } 2>/dev/null || log=/dev/null

failed() {
    echo "phoenix: $*" >> "$log"
    echo "phoenix: $*" >&2
}

# An interface answers for its own addresses only, and asks with them only.
set_arp() {
    { echo "$2" > "/proc/sys/net/ipv4/conf/all/$1"; } 2>/dev/null ||
        failed "net.ipv4.conf.all.$1 cannot be set to $2"
}

# Runs ip(8) with the words of one line. What is there already is no failure.
run_ip() {
    # shellcheck disable=SC2086
    said=$(ip $1 2>&1 < /dev/null) && return
    case $said in
        *"File exists"*) ;;
        *) failed "ip $1: $said" ;;
    esac
}

rules=/etc/phoenix/public-interface.nft
if [ -f "$rules" ]; then
    said=$(nft -f "$rules" 2>&1 < /dev/null) || failed "nft -f $rules: $said"
fi

set_arp arp_ignore 1
set_arp arp_announce 2

routes=/etc/phoenix/public-interface.route
if [ -f "$routes" ]; then
    while read -r line || [ -n "$line" ]; do
        case $line in
            '' | '#'*) ;;
            *) run_ip "$line" ;;
        esac
    done < "$routes"
fi

exit 0
