#!/bin/sh
# Outlives the process that started it by a moment: ends that process's servers and removes its scratch directory.
# usage: watcher.sh SCRATCH_DIRECTORY, with standard input a pipe from the owner, which writes
#   watch PID SIGNAL    end this process with this signal when the owner is gone
#   forget PID          it has ended, its number may be used again
# The kernel closes the pipe however the owner ends, by kill -9 too: nothing that was started here survives it.
scratch=$1
watched=

forget() {
  rest=
  for entry in $watched; do
    [ "${entry%%:*}" = "$1" ] || rest="$rest $entry"
  done
  watched=$rest
}

end_all() {
  for entry in $watched; do kill "-${entry#*:}" "${entry%%:*}" 2>/dev/null; done
  for entry in $watched; do
    tenths=50
    while kill -0 "${entry%%:*}" 2>/dev/null && [ "$tenths" -gt 0 ]; do
      sleep 0.1
      tenths=$((tenths - 1))
    done
    kill -9 "${entry%%:*}" 2>/dev/null
  done
  rm -rf -- "$scratch"
  exit 0
}

trap end_all TERM INT HUP
while read -r verb pid signal; do
  case $verb in
    watch) watched="$watched $pid:$signal" ;;
    forget) forget "$pid" ;;
  esac
done
end_all
