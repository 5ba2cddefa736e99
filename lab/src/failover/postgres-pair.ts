// Two PostgreSQL servers on loopback, a primary and its standby. The primary is killed as a machine that fails, the standby takes
// over, and the old primary is made anew as the standby of the new one.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { choosePlace, type Place } from '../../../server/src/postgres/choose-place.ts'
import { createCluster } from '../../../server/src/postgres/create-cluster.ts'
import { findBinaries } from '../../../server/src/postgres/find-binaries.ts'
import { startPostmaster, type Postmaster } from '../../../server/src/postgres/postmaster.ts'
import { freePort } from '../../../testkit/src/network/free-port.ts'

const run = promisify(execFile)
const user = 'keyhold'
const startMs = 60_000

interface Node {
  name: string
  port: number
  place: Place
  cluster: string
  postmaster?: Postmaster
}

export interface PostgresPair {
  /** With both hosts, as an operator writes it into KEYHOLD_DATABASE_URL. */
  readonly url: string
  /** Runs one statement on the primary. */
  query(statement: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** From now on the standby receives nothing, until it is promoted. */
  holdStandby(): Promise<void>
  /** Kills all processes of the primary at once. */
  killPrimary(): Promise<void>
  /** The standby is the primary when it answers. */
  promote(): Promise<void>
  /** Makes the killed one anew as the standby, which has received everything when it answers. */
  rebuildStandby(): Promise<void>
  stop(): Promise<void>
}

/** @param isAsync - commits do not wait for the standby */
export async function startPostgresPair(folder: string, isAsync: boolean): Promise<PostgresPair> {
  const password = randomBytes(16).toString('hex')
  const makeNode = async (name: string): Promise<Node> => {
    const dataDir = path.join(folder, name)
    await mkdir(dataDir, { mode: 0o700 })
    const place = await choosePlace({
      ...{ dataDir, cluster: undefined, binaries: findBinaries() },
      ...{ rootStrategy: undefined, sharedDir: '/var/lib/keyhold', log: () => undefined },
    })
    return { name, place, port: await freePort(), cluster: path.join(place.parent, 'postgres') }
  }
  let [primary, standby] = [await makeNode('a'), await makeNode('b')]
  const nodes = [primary, standby]

  async function withClient<Result>(
    { port }: Node,
    work: (client: pg.Client) => Promise<Result>,
    database = 'keyhold',
  ): Promise<Result> {
    const client = new pg.Client({ host: '127.0.0.1', port, user, password, database })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  async function start(node: Node): Promise<void> {
    const settings = {
      ...{ listen_addresses: '127.0.0.1', port: String(node.port), unix_socket_directories: '' },
      ...{ max_connections: '60', max_wal_senders: '5', wal_level: 'replica', wal_keep_size: '256MB' },
      ...{ shared_buffers: '64MB', jit: 'off', log_min_messages: 'fatal' },
    }
    const serverArguments = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const lines: string[] = []
    node.postmaster = await startPostmaster({
      ...{ account: node.place.account, binaries: node.place.binaries, cluster: node.cluster },
      serverArguments: ['-D', node.cluster, ...serverArguments],
      log: (line) => lines.push(line),
    })
    const endMs = performance.now() + startMs
    for (;;) {
      const isThere = await withClient(node, () => Promise.resolve(true), 'postgres').catch(() => false)
      if (isThere) return
      if (performance.now() > endMs)
        throw new Error(`PostgreSQL does not start: ${lines.slice(-5).join(' ')}`)
      await sleep(50)
    }
  }

  async function makePrimary(): Promise<void> {
    const { place, cluster } = primary
    await createCluster({
      ...{ account: place.account, binaries: place.binaries, path: cluster },
      ...{ user, password, sync: true },
    })
    const rules = ['all', 'replication'].map((what) => `host ${what} all 127.0.0.1/32 scram-sha-256\n`)
    await appendFile(path.join(cluster, 'pg_hba.conf'), rules.join(''))
    await start(primary)
    await withClient(primary, (client) => client.query('create database keyhold'), 'postgres')
  }

  /** By a backup of the files of the running primary, as pg_basebackup makes one. */
  async function rebuildStandby(): Promise<void> {
    await rm(standby.cluster, { recursive: true, force: true })
    await mkdir(standby.cluster, { mode: 0o700 })
    await withClient(primary, async (client) => {
      await client.query("select pg_backup_start('standby', true)")
      const left = ['./postmaster.pid', './postmaster.opts', './postgresql.auto.conf', './pg_wal/*']
      const excludes = left.map((each) => `--exclude=${each}`)
      // Files that change or go meanwhile end tar with 1: the log holds what they hold.
      await run(
        'sh',
        [
          '-c',
          '(tar -C "$0" "$@" -cf - . || [ $? = 1 ]) | tar -C "$TO" -xpf -',
          ...[primary.cluster, ...excludes],
        ],
        { env: { PATH: process.env.PATH, TO: standby.cluster } },
      )
      const { rows } = await client.query<{ labelfile: string }>(
        'select labelfile from pg_backup_stop(wait_for_archive => false)',
      )
      await writeFile(path.join(standby.cluster, 'backup_label'), rows[0]?.labelfile ?? '')
    })
    const from = `host=127.0.0.1 port=${primary.port} user=${user} password=${password} application_name=standby`
    await writeFile(path.join(standby.cluster, 'standby.signal'), '')
    await writeFile(path.join(standby.cluster, 'postgresql.auto.conf'), `primary_conninfo = '${from}'\n`)
    await start(standby)
    if (!isAsync) await setSynchronous('standby')
    const [now] = await query('select pg_current_wal_lsn()::text as lsn')
    const state = isAsync ? 'async' : 'sync'
    for (;;) {
      const caughtUp = await query(
        'select from pg_stat_replication where sync_state = $1 and flush_lsn >= $2::pg_lsn',
        [state, now?.lsn],
      )
      if (caughtUp.length > 0) return
      await sleep(50)
    }
  }

  async function setSynchronous(name: string): Promise<void> {
    await query(`alter system set synchronous_standby_names = '${name}'`)
    await query('select pg_reload_conf()')
  }

  const query: PostgresPair['query'] = (statement, values) =>
    withClient(
      primary,
      async (client) => (await client.query<Record<string, unknown>>(statement, values)).rows,
    )

  await makePrimary()
  await rebuildStandby()
  return {
    url: `postgres://${user}:${password}@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}/keyhold?target_session_attrs=read-write`,
    query,

    async holdStandby() {
      const pids = await withClient(standby, (client) =>
        client.query<{ pid: number }>("select pid from pg_stat_activity where backend_type = 'walreceiver'"),
      )
      for (const { pid } of pids.rows) process.kill(pid, 'SIGSTOP')
    },

    async killPrimary() {
      const { postmaster } = primary
      if (postmaster === undefined) throw new Error('the primary does not run')
      const { pid } = postmaster
      for (const each of [pid, ...(await childrenOf(pid))]) {
        try {
          process.kill(each, 'SIGKILL')
        } catch {
          // It has ended by itself.
        }
      }
      await postmaster.ended
    },

    async promote() {
      const { postmaster, cluster } = standby
      if (postmaster === undefined) throw new Error('the standby does not run')
      const children = await childrenOf(postmaster.pid)
      // A receiver that was held has unread bytes in its socket. The machine that was to receive them later never does.
      const held = await heldOf(children)
      for (const pid of held) process.kill(pid, 'SIGKILL')
      // Its postmaster then starts all the others anew.
      while (held.length > 0 && (await childrenOf(postmaster.pid)).some((pid) => children.includes(pid)))
        await sleep(20)
      // It comes up without a standby of its own, so that its commits do not wait.
      await writeFile(path.join(cluster, 'postgresql.auto.conf'), '')
      await promoted(standby)
      ;[primary, standby] = [standby, primary]
    },

    rebuildStandby,

    async stop() {
      await Promise.all(nodes.map(async ({ postmaster }) => postmaster?.stop(true)))
    },
  }

  /** A server one of whose processes was killed takes no connections for a moment. */
  async function promoted(node: Node): Promise<void> {
    const endMs = performance.now() + startMs
    for (;;) {
      const isPrimary = await withClient(node, async (client) => {
        const { rows } = await client.query<{ is_standby: boolean }>(
          'select pg_is_in_recovery() as is_standby',
        )
        return (
          rows[0]?.is_standby === false || (await client.query('select pg_promote(true, 60)')).rowCount === 0
        )
      }).catch(() => false)
      if (isPrimary) return
      if (performance.now() > endMs) throw new Error('the standby does not become the primary')
      await sleep(20)
    }
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** Those of the processes that are stopped. */
async function heldOf(pids: readonly number[]): Promise<number[]> {
  const states = await Promise.all(
    pids.map(async (pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  )
  return pids.filter((_, index) => states[index]?.includes(') T '))
}
