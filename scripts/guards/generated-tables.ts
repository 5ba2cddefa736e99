// The tables in docs/ that are made from the code: errors, routes, metrics, settings, audit actions, the rows that have MACs, what
// is believed of the columns of the database, and the rooms of the house.
import {
  permissions,
  permissionsOf,
  permissionsOfKeyNames,
  rateLimitOf,
  roles,
  routeIds,
  routes,
  statusOf,
  type Route,
  type RouteId,
} from '@keyhold/contract'
import {
  auditActionNames,
  auditActions,
  errorCodes,
  errorSummary,
  isRetryable,
  type ErrorCode,
} from '@keyhold/core'
import { format } from 'oxfmt'
import { metricCatalog } from '../../server/src/metrics/metric-catalog.ts'
import { settingTable } from '../../server/src/settings/setting-table.ts'
import { steeringKinds } from '../../server/src/store/authentic/steering-kinds.ts'
import { standings } from '../../testkit/src/untrusted-database/columns.ts'
import { serverRooms, workspaces, type Room } from './rooms.ts'

export interface GeneratedTable {
  /** Path from the root of the repository. */
  file: string
  /** The table stands between `<!-- table: name -->` and `<!-- end of table -->`. */
  name: string
  markdown: string
}

let made: Promise<GeneratedTable[]> | undefined

/** Makes the tables, once for all calls. */
export function generatedTables(): Promise<GeneratedTable[]> {
  return (made ??= makeTables())
}

async function makeTables(): Promise<GeneratedTable[]> {
  return [
    { file: 'docs/errors.md', name: 'errors', markdown: await formatTable(errorTable()) },
    { file: 'docs/api.md', name: 'routes', markdown: await formatTable(routeTable()) },
    { file: 'docs/api-keys.md', name: 'permissions', markdown: await formatTable(permissionTable()) },
    { file: 'docs/metrics.md', name: 'metrics', markdown: await formatTable(metricTable()) },
    { file: 'docs/configuration.md', name: 'settings', markdown: await formatTable(settingRows()) },
    { file: 'docs/audit.md', name: 'audit-actions', markdown: await formatTable(auditActionTable()) },
    { file: 'docs/formats.md', name: 'steering-kinds', markdown: await formatTable(steeringKindTable()) },
    {
      file: 'docs/untrusted-database.md',
      name: 'columns',
      markdown: await formatTable(standingTable()),
    },
    { file: 'docs/architecture.md', name: 'workspaces', markdown: await formatTable(roomTable(workspaces)) },
    { file: 'docs/architecture.md', name: 'rooms', markdown: await formatTable(roomTable(serverRooms)) },
  ]
}

function errorTable(): string[][] {
  return [
    ['Code', 'Status', 'Retry', 'Meaning', 'Other statuses'],
    ...errorCodes.map((code) => [
      `\`${code}\``,
      String(statusOf(code)),
      isRetryable(code) ? 'yes' : 'no',
      errorSummary(code),
      otherStatuses(code),
    ]),
  ]
}

function otherStatuses(code: ErrorCode): string {
  const routesByStatus = new Map<number, string[]>()
  for (const id of routeIds) {
    const status = statusOf(code, id)
    if (status !== statusOf(code)) routesByStatus.set(status, [...(routesByStatus.get(status) ?? []), id])
  }
  return [...routesByStatus]
    .map(([status, ids]) => `${status} on ${ids.map((id) => `\`${id}\``).join(', ')}`)
    .join('; ')
}

function auditActionTable(): string[][] {
  return [
    ['Action', 'Target', 'What it tells'],
    ...auditActionNames.map((name) => [`\`${name}\``, auditActions[name].target, auditActions[name].tells]),
  ]
}

function routeTable(): string[][] {
  return [
    ['Route', 'Method', 'Path', 'Role', 'Limit', 'Success', 'What it does'],
    ...(Object.entries(routes) as [RouteId, Route][]).map(([id, route]) => [
      `\`${id}\``,
      route.method,
      `\`${route.path}\``,
      route.roles.join(', '),
      rateLimitOf(id),
      Object.keys(route.replies).join(', '),
      route.summary,
    ]),
  ]
}

function permissionTable(): string[][] {
  return [
    ['Permission', 'Key names', 'Roles', 'Routes'],
    ...permissions.map((permission) => [
      `\`${permission}\``,
      permissionsOfKeyNames.includes(permission) ? 'yes' : '—',
      roles.filter((role) => permissionsOf(role).includes(permission)).join(', '),
      routeIds
        .filter((routeId) => routes[routeId].permission === permission)
        .map((routeId) => `\`${routeId}\``)
        .join(', '),
    ]),
  ]
}

function metricTable(): string[][] {
  return [
    ['Metric', 'Type', 'Labels', 'What it tells'],
    ...Object.entries(metricCatalog).map(([name, { type, labels, help }]) => [
      `\`${name}\``,
      type,
      labels.length === 0 ? '—' : labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  ]
}

function settingRows(): string[][] {
  return [
    ['Variable', 'Default', 'Range', 'Can be changed', 'Effect'],
    ...Object.values(settingTable).map((setting) => [
      `\`${setting.variable}\`${'fileVariable' in setting ? ` [or a file](#secrets-in-files)` : ''}`,
      setting.byDefault,
      setting.range,
      setting.changes,
      setting.effect,
    ]),
  ]
}

/** Columns of a table that have the same standing for the same reason share a row. */
function standingTable(): string[][] {
  const rows = new Map<string, { table: string; columns: string[]; standing: string; because: string }>()
  for (const { table, column, standing, kinds, because } of standings()) {
    const why = because === '' ? `MAC of ${kinds.map((kind) => `\`${kind}\``).join(', ')}` : because
    const name = [table, standing, why].join()
    const row = rows.get(name) ?? { table, columns: [], standing, because: why }
    rows.set(name, { ...row, columns: [...row.columns, `\`${column}\``] })
  }
  return [
    ['Table', 'Columns', 'Standing', 'Why'],
    ...[...rows.values()].map(({ table, columns, standing, because }) => [
      `\`${table}\``,
      columns.join(', '),
      standing,
      because,
    ]),
  ]
}

/** `vectors/rows.py` reads it. */
function steeringKindTable(): string[][] {
  return [
    ['Kind', 'Table', 'MAC in', 'Columns'],
    ...Object.entries(steeringKinds).map(([kind, { table, mac, columns }]) => [
      `\`${kind}\``,
      `\`${table}\``,
      `\`${mac}\``,
      Object.entries(columns)
        .map(([column, type]) => `\`${column}\` ${type}`)
        .join(', '),
    ]),
  ]
}

function roomTable(rooms: Readonly<Record<string, Room>>): string[][] {
  const inCode = (name: string) => `\`${name}\``
  return [
    ['Room', 'What it does', 'May import'],
    ...Object.entries(rooms).map(([name, { does, uses }]) => [
      inCode(name),
      does,
      uses.length === 0 ? 'nothing' : uses.map(inCode).join(', '),
    ]),
  ]
}

async function formatTable([head = [], ...rows]: string[][]): Promise<string> {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return (await format('table.md', lines.join('\n'))).code
}
