import { spawn } from "node:child_process";

/** Ends what a test leaves behind, however the test ends. */
export interface Janitor {
  /** From now on this process goes when we go. */
  watch(pid: number): void;
  /** It has gone by itself: its number may be another's soon. */
  forget(pid: number): void;
  /** Goes with us, too, if it is there still. */
  watchFolder(folder: string): void;
  stop(): void;
}

/**
 * A stopped process hears no polite signal, and a test that is killed says no goodbye: so a shell reads a pipe that only
 * we hold open, and at its end kills what is still on the list.
 */
const script = `
trap '' INT TERM HUP
pids=" "
folder=
while IFS= read -r line; do
  word=\${line%% *} rest=\${line#* }
  case "$word" in
    watch) pids="$pids$rest " ;;
    folder) folder=$rest ;;
    forget) pids="\${pids%% $rest *} \${pids#* $rest }" ;;
  esac
done
for pid in $pids; do kill -s KILL "$pid" 2>/dev/null; done
[ -d "$folder" ] || exit 0
# Postgres goes by itself, and needs a moment.
sleep 5
rm -rf "$folder"
`;

/** Starts one. */
export function startJanitor(): Janitor {
  const shell = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  shell.unref();
  const watched = new Set<number>();
  const tell = (line: string): void => void shell.stdin.write(`${line}\n`);
  return {
    watch(pid) {
      if (watched.has(pid)) return;
      watched.add(pid);
      tell(`watch ${pid}`);
    },
    forget(pid) {
      if (watched.delete(pid)) tell(`forget ${pid}`);
    },
    watchFolder: (folder) => tell(`folder ${folder}`),
    stop: () => void shell.stdin.end(),
  };
}
