# Runs a command once under a token and tells what became of it, however often and over however many lines it
# is asked. Losing the line does not end the command; asking again under the same token joins it.
#
#   guard do   TOKEN ARGV…   start it unless it was started, pass its output on, tell its end
#   guard tell TOKEN         how it stands, without its output
#   guard look TOKEN ARGV…   run a probe in the foreground; nothing is kept
#
# Standard input begins with the size of a list of variables and the list; the rest is the command's own.
# Verdicts go to standard error, a line each: ended N, running, absent, lost WHY, refused WHY.
set -u
umask 077
verb=$1 token=$2
shift 2
home=${SWITCHMAN_JOURNAL:-${HOME:-/var/tmp}/.switchman}
here=$home/$token
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none)

say() {
	printf 'switchman: %s\n' "$*" >&2
	exit 0
}

variables() {
	IFS= read -r size && dd bs=1 count="$size" 2>/dev/null
}

if [ "$verb" = look ]; then
	eval "$(variables)"
	cd "${HOME:-/}" || exit 126
	exec "$@"
fi

# claim makes the token's folder: whoever makes it starts the command. It is on disk before the command
# begins, so that no folder means no command, also after a power cut.
claim() {
	mkdir -p "$home" && new=$(mktemp -d "$home/.new.XXXXXX") || say refused "the journal in $home cannot be written"
	variables >"$new/env" && cat >"$new/stdin" || { rm -rf "$new"; say refused "the journal in $home has no room"; }
	trap '' HUP INT TERM PIPE
	echo "$boot" >"$new/boot" && : >"$new/out" && mkdir "$here" 2>/dev/null || { rm -rf "$new"; return 0; }
	mv "$new/env" "$new/stdin" "$new/boot" "$new/out" "$here"
	rmdir "$new"
	sync "$here" "$home" 2>/dev/null || sync
	setsid sh -c "$runner" runner "$here" "$@" </dev/null >/dev/null 2>&1 &
	echo $! >"$here/pid.new" && mv "$here/pid.new" "$here/pid"
	find "$home" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null
	return 0
}

# Secrets among the variables and the input lie in a file only until the command has them open.
runner='
cd "$1" || exit
shift
exec 3<stdin 4<env
rm -f stdin env
(. /dev/fd/4 && exec 4<&- && cd "${HOME:-/}" && exec "$@") <&3 >>out 2>&1
echo $? >rc.new
sync rc.new 2>/dev/null || sync
mv rc.new rc
'

[ "$verb" = tell ] || [ -d "$here" ] || claim "$@"

sent=0 turns=0
pass() {
	[ "$verb" = tell ] && return
	size=$(wc -c <"$here/out" 2>/dev/null) || return 0
	[ "$size" -gt "$sent" ] || return 0
	tail -c +$((sent + 1)) "$here/out" | head -c $((size - sent))
	sent=$size
}

while :; do
	[ -d "$here" ] || say absent
	rc=
	[ -e "$here/rc" ] && read -r rc <"$here/rc"
	pass
	[ -z "$rc" ] || say ended "$rc"
	[ "$(cat "$here/boot" 2>/dev/null)" = "$boot" ] || [ $turns -lt 20 ] || say lost "the machine was started again meanwhile"
	if [ -e "$here/pid" ]; then
		read -r pid <"$here/pid"
		if ! kill -0 "$pid" 2>/dev/null && [ ! -e "$here/rc" ]; then
			say lost "it was killed"
		fi
		[ "$verb" = tell ] && say running
	elif [ $turns -ge 20 ]; then
		say lost "it never began, or nobody knows"
	fi
	turns=$((turns + 1))
	sleep 0.1 2>/dev/null || sleep 1
done
