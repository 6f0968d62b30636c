import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * What happens to the next call of a plugin. `kill` ends a process first and the call with it; `kill and go` lets the call
 * go on, as the plugin of a server that was killed does; `hang` makes it wait so many seconds before it goes on.
 */
export type PluginFate =
  | { readonly do: 'kill' | 'kill and go'; readonly pid: number }
  | { readonly do: 'fail' }
  | { readonly do: 'hang'; readonly seconds: number };

export interface WrappedPlugins {
  /** The folder for crisp's `cni.bin_dirs`. */
  readonly binDir: string;
  /** What becomes of the next such call, before the plugin runs or when it has run and nobody knows yet. Once only. */
  arrange(moment: 'before' | 'after', call: string, fate: PluginFate): void;
  /** Nothing is arranged any more. */
  clear(): void;
  /** The moments of calls since the last time, oldest first: `before ADD bridge`. */
  moments(): string[];
}

/**
 * Programs that stand in for CNI plugins: each runs the plugin of its name, unless something else is arranged. A call is
 * named by command and plugin, `ADD bridge`; plugins that others delegate to are wrapped too.
 */
export function wrapPlugins(dir: string, realDir: string): WrappedPlugins {
  const binDir = join(dir, 'cni/bin');
  const control = join(dir, 'cni/control');
  for (const folder of [binDir, control]) mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(realDir)) {
    writeFileSync(join(binDir, name), script(control, join(realDir, name), name), { mode: 0o755 });
  }
  const log = join(control, 'log');
  appendFileSync(log, '');
  return {
    binDir,
    arrange: (moment, call, fate) => {
      // Renamed into place: a plugin may be looking.
      writeFileSync(join(control, 'new'), words(fate));
      renameSync(join(control, 'new'), join(control, `${moment} ${call}`));
    },
    clear: () => {
      for (const name of readdirSync(control)) if (name !== 'log') rmSync(join(control, name), { force: true });
    },
    moments: () => {
      const seen = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];
      writeFileSync(log, '');
      return seen;
    },
  };
}

function words(fate: PluginFate): string {
  if (fate.do === 'fail') return 'fail\n';
  if (fate.do === 'hang') return `hang ${fate.seconds}\n`;
  return `${fate.do === 'kill' ? 'kill' : 'kill-and-go'} ${fate.pid}\n`;
}

/** Claims what is arranged by renaming it, so that of two calls at once one gets it. */
function script(control: string, real: string, name: string): string {
  return `#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && exec '${real}'
happen() {
  echo "$1 $CNI_COMMAND ${name}" >> '${control}/log'
  mine='${control}'/mine.$$
  mv '${control}'/"$1 $CNI_COMMAND ${name}" "$mine" 2>/dev/null || return 0
  read -r what about < "$mine"
  rm -f "$mine"
  case $what in
    kill) kill -KILL "$about"; exit 1 ;;
    kill-and-go) kill -KILL "$about" ;;
    hang) sleep "$about" ;;
    fail) echo '{ "cniVersion": "1.0.0", "code": 100, "msg": "made to fail" }'; exit 1 ;;
  esac
}
happen before
answer=$('${real}')
code=$?
happen after
[ -z "$answer" ] || printf '%s\\n' "$answer"
exit $code
`;
}
