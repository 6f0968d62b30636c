import { execFileSync } from 'node:child_process';

/** Rules of the nat table that CNI plugins wrote for a network: they name it in their comment. */
export function rulesOfNetwork(network: string): string[] {
  try {
    const rules = execFileSync('iptables-save', ['-t', 'nat'], { encoding: 'utf8', maxBuffer: 64 << 20 });
    return rules.split('\n').filter((rule) => rule.startsWith('-A') && rule.includes(`\\"${network}\\"`));
  } catch {
    return []; // a machine without iptables has no rules of ours
  }
}

/** Removes the network's rules and the chains of its pods, for pods that ended without a CNI DEL. */
export function removeRulesOfNetwork(network: string): void {
  const rules = rulesOfNetwork(network).map(wordsOf);
  const chains = new Set(rules.map((words) => words.at(-1) ?? '').filter((target) => target.startsWith('CNI-')));
  for (const [, chain = '', ...rest] of rules) if (!chains.has(chain)) iptables('-D', chain, ...rest);
  for (const chain of chains) iptables('-F', chain);
  for (const chain of chains) iptables('-X', chain);
}

function iptables(...args: string[]): void {
  try {
    execFileSync('iptables', ['-w', '-t', 'nat', ...args], { stdio: 'ignore' });
  } catch {
    // Gone already: somebody tidied up meanwhile.
  }
}

/** Words of a line of iptables-save: a comment stands in double quotes, with those inside it escaped. */
export function wordsOf(rule: string): string[] {
  const words = rule.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, '$1') : word));
}
