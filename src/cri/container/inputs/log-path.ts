import { isAbsolute, join, normalize } from 'node:path';
import { invalid } from '../../errors';

/**
 * Path of a container's log file; empty when the pod or the container has none. A path that leaves the pod's log
 * directory is refused: we write to it as root.
 */
export function containerLogPath(logDirectory: string, logPath: string): string {
  if (logDirectory === '' || logPath === '') return '';
  if (!isAbsolute(logDirectory)) throw invalid('sandbox_config.log_directory', 'is not an absolute path');
  const inside = normalize(logPath);
  if (isAbsolute(inside) || inside === '..' || inside.startsWith('../')) {
    throw invalid('config.log_path', `"${logPath}" leaves the pod's log directory`);
  }
  return join(logDirectory, inside);
}
