# Made by ccroute install; ccroute uninstall removes it.
# What distccd on a helper is started with. For scripts that are sourced, such as /etc/default/distcc.
export DISTCCD_PATH=/usr/lib/ccroute/bin:/usr/local/bin:/usr/bin:/bin
# With a list that it cannot read distccd would run anything. So it is told of the list only if
# everyone can read it, and keeps to its whitelist otherwise.
case "$(ls -ld /etc/ccroute/commands 2>/dev/null)" in
-rw-r--r--*) export DISTCC_CMDLIST=/etc/ccroute/commands ;;
esac
# Not /tmp: a job in its sandbox may write to the whole of TMPDIR. It is distccd's own, where install
# found a user distccd or distcc.
case "$(ls -ld /var/lib/ccroute/tmp 2>/dev/null)" in
drwx------* | drwxrwxrwt*) export TMPDIR=/var/lib/ccroute/tmp ;;
esac
