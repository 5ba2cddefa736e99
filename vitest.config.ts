import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Files that measure the memory of their process, or that replace a module of Node's: each in a worker of its own.
const isolated = ['client/test/files.test.ts', 'core/test/message-key.test.ts']

// Files of other workspaces that start servers or processes.
const integrationElsewhere = [
  'client/test/real-server/*.test.ts',
  'client/test/readme.test.ts',
  'lab/test/{dose,forge-histories,options}.test.ts',
  'local-kms/test/{command,persistence}.test.ts',
  'scripts/test/{check,ci-run,npm-start,packages}.test.ts',
  'testkit/test/{postgres-proxy,serve-in-process}.test.ts',
]

// Files of the server without a database.
const unitOfServer = [
  'server/test/{access,event-loop,installation,issuers,providers}/*.test.ts',
  'server/test/destruction/ended-cipherkeys.test.ts',
  'server/test/driver/{database-hosts,database-watch,hosts-of-url,unverified-host}.test.ts',
  'server/test/guarded-fetch/*.test.ts',
  'server/test/tls/{subject-names,tls-files}.test.ts',
  'server/test/jobs/sweeper.test.ts',
  'server/test/health/probe-pace.test.ts',
  'server/test/settings/settings.test.ts',
  'server/test/health/{key-breaker,key-health-recorder,key-state,regions-to-probe}.test.ts',
  'server/test/http/{console,error-status,item-reply-json,repeats,request-log-levels}.test.ts',
  'server/test/http/limits/{client-address,first-fault}.test.ts',
  'server/test/keyring/{key-cache-sizes,lease-quota,per-tenant-cache}.test.ts',
  'server/test/http/parse-big-json.test.ts',
  'server/test/http/limits/{connection-limit,stream-shares}.test.ts',
  'server/test/issuer/{issuer-faults,web-identity-sessions}.test.ts',
  'server/test/kms/credentials/customer-role.test.ts',
  'server/test/kms/{internal-kms,read-key-state,kms-budget,regions-without-end,root-key-file,signing-key,turns}.test.ts',
  'server/test/store/connection-shares.test.ts',
  'server/test/store/authentic/row-vectors.test.ts',
  'server/test/supervisor/keep-replica.test.ts',
  'server/test/metrics/{merge-metrics,plain-histogram,reported-row-macs,without-database}.test.ts',
  'server/test/migration/{pacer,rewrap-threads,stint}.test.ts',
]

// These take longest, or wait for long whatever they find to do meanwhile. A run that began with them last would wait for them at
// its end.
const longest = [
  ...['packages', 'npm-start'].map((name) => `scripts/test/${name}.test.ts`),
  'lab/test/dose.test.ts',
  ...['causes', 'cause-sequences', 'disabled-but-decrypting', 'key-health'].map((name) => `health/${name}`),
  ...['kms/failover', 'postgres/start-embedded-postgres', 'postgres/recovery', 'settings/command'],
  ...['http/bad-input/connections', 'http/statuses/statuses', 'audit/exactly-once', 'migration/cancel'],
  ...['stopping/drain', 'store/bounded-statements', 'untrusted-database/older-database'],
].map((name) => (name.endsWith('.ts') ? name : `server/test/${name}.test.ts`))

// A worker is shared only by files of one project that follow each other. Within a project vitest begins with the files
// that took longest in the last run, which it remembers in node_modules/.vite: a fresh clone has nothing to remember.
const projectsInOrder = ['isolated', 'integration', 'unit']
const rank = ({ project, moduleId }: TestSpecification) =>
  2 * projectsInOrder.indexOf(project.name) + (longest.some((file) => moduleId.endsWith(file)) ? 0 : 1)

class ProjectsInOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

// The packed client is tried by a compiler and in a browser: `npm run check:slow`.
const slow = ['*/test/**/*.slow.test.ts', 'client/test/packed/*.test.ts']
const warm = { globalSetup: ['testkit/src/database/warm-start.ts'] }

// Node reads TypeScript by itself. Vite would transform each module for each project, and its way to run them costs more, too.
// Only a file that replaces a module needs it.
const readByNode = { experimental: { viteModuleRunner: false, nodeLoader: false } }

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most polls are requests to a server, which take as much of a processor as what they wait for.
    expect: { poll: { interval: 100 } },
    // Much of the time a test waits, for a probe or a process: four workers keep two cores busy.
    maxWorkers: 4,
    sequence: { sequencer: ProjectsInOrder },
    reporters: ['default'],
    // Nothing of our own is mocked, so files may share what a worker has imported: that costs more than most of them do.
    projects: [
      {
        extends: true,
        test: {
          name: 'isolated',
          include: isolated,
          exclude: slow,
          pool: 'forks',
          isolate: true,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          ...warm,
          ...readByNode,
          include: ['{cli,server}/test/**/*.test.ts', ...integrationElsewhere],
          exclude: [...isolated, ...unitOfServer, ...slow],
          pool: 'forks',
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'unit',
          ...readByNode,
          include: [
            '{client,console,contract,core,docs-site,lab,local-kms,scripts,testkit}/test/**/*.test.ts',
            ...unitOfServer,
          ],
          exclude: [...isolated, ...integrationElsewhere, ...slow],
          pool: 'threads',
          isolate: false,
        },
      },
    ],
  },
})
