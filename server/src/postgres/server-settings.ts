// The settings of the embedded PostgreSQL. They go on the command line, where they win over
// postgresql.conf and cannot be changed by ALTER SYSTEM.

import { socketPort } from './socket-dir.ts'

/** PostgreSQL's arguments for a cluster, a socket folder and the caller's own settings. */
export function serverArguments(
  cluster: string,
  socketDir: string,
  settings: Readonly<Record<string, string>>,
): string[] {
  const all = { ...defaults, ...settings, ...privacy(socketDir) }
  return ['-D', cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

// fsync, full_page_writes and synchronous_commit keep PostgreSQL's own default: on.
const defaults = {
  max_connections: '100',
  cluster_name: 'keyhold',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // The client receives errors of single statements; in the log their text could show values. `log` is PostgreSQL's level between `error` and `fatal`.
  log_min_messages: 'log',
  // A transaction that waits this long has lost its client, and it holds locks.
  idle_in_transaction_session_timeout: '60s',
}

// Nobody may override these: there is one door, and only Keyhold's account can open it.
function privacy(socketDir: string): Record<string, string> {
  return {
    listen_addresses: '',
    port: String(socketPort),
    // The value is a list: quotes keep a path with a comma or a space in one piece.
    unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  }
}
