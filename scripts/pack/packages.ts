// The packages that `npm run pack` makes: what each offers, and from which files of its workspace.

export interface Package {
  /** The folder of the workspace. */
  workspace: string
  description: string
  /** The modules in `dist/` that are loaded by name, and their sources below the workspace. */
  entries: Readonly<Record<string, string>>
  /** By the path of an import: the entry that has it. Each has types. */
  exports: Readonly<Record<string, string>>
  /** By the path of an import: the entry that bundlers for browsers get in its place. */
  inBrowsers?: Readonly<Record<string, string>>
  /** By the name of a command: its entry. */
  commands?: Readonly<Record<string, string>>
  /** Files besides LICENSE, README.md and `dist/`. */
  more?: readonly string[]
}

export const packages: readonly Package[] = [
  {
    workspace: 'server',
    description: 'Keyhold, a self-hosted service for tenant encryption: the server.',
    entries: {
      command: 'src/command.ts',
      index: 'src/index.ts',
      // The threads that the server starts from their files.
      'body-thread': 'src/http/long-bodies/body-thread.ts',
      'rewrap-thread': 'src/migration/engine/rewrap-thread.ts',
      // The process of a replica, of several on one machine.
      'replica-process': 'src/supervisor/replica-process.ts',
    },
    exports: { '.': 'index' },
    commands: { 'keyhold-server': 'command' },
  },
  {
    workspace: 'cli',
    description: 'The command line of Keyhold.',
    // The client in it starts a thread for large files.
    entries: { keyhold: 'src/main.ts', 'block-thread': '../client/src/node/files/block-thread.ts' },
    exports: {},
    commands: { keyhold: 'keyhold' },
  },
  {
    workspace: 'client',
    description: 'Client of Keyhold: tenant encryption under keys that tenants hold themselves.',
    entries: {
      index: 'src/index.ts',
      node: 'src/node/index.ts',
      'node-in-browser': 'src/browser/without-node.ts',
      // The thread that large files start from its file.
      'block-thread': 'src/node/files/block-thread.ts',
    },
    exports: { '.': 'index', './node': 'node' },
    inBrowsers: { './node': 'node-in-browser' },
    more: ['examples'],
  },
  {
    workspace: 'local-kms',
    description: 'An AWS KMS on loopback, for development and tests only.',
    entries: { 'local-kms': 'src/main.ts', index: 'src/index.ts' },
    exports: { '.': 'index' },
    commands: { 'local-kms': 'local-kms' },
  },
]
