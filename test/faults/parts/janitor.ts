import { spawn } from "node:child_process";

/** Cleans up after a test, however the test ends. */
export interface Janitor {
  /** Ends this process when the test process ends. */
  watch(pid: number): void;
  /** The process has ended. Its id may soon belong to another process. */
  forget(pid: number): void;
  /** Removes this folder when the test process ends. */
  watchFolder(folder: string): void;
  stop(): void;
}

/**
 * A stopped process does not react to SIGTERM, and a test that is killed cannot clean up. Therefore a shell reads a pipe that
 * only the test process keeps open. When the pipe ends, the shell kills all processes on its list.
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
# Postgres ends by itself, and needs a moment.
sleep 5
rm -rf "$folder"
`;

/** Starts one. */
export function startJanitor(): Janitor {
  const shell = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  shell.unref();
  const watched = new Set<number>();
  const send = (line: string): void => void shell.stdin.write(`${line}\n`);
  return {
    watch(pid) {
      if (watched.has(pid)) return;
      watched.add(pid);
      send(`watch ${pid}`);
    },
    forget(pid) {
      if (watched.delete(pid)) send(`forget ${pid}`);
    },
    watchFolder: (folder) => send(`folder ${folder}`),
    stop: () => void shell.stdin.end(),
  };
}
