// The experiments of `npm run lab`, each with the sentence that the usage texts show.

export const experiments = {
  bench: 'Compares Keyhold with its alternatives, both sides in one run (docs/performance.md).',
  load: 'Sends mixed load for as long as you like and verifies every value (docs/load.md).',
  'big-file': 'Encrypts a file of 5 GiB with the SDK and the CLI, in bounded memory (docs/load.md).',
  faults: 'Breaks two replicas, their database and their KMS in every way (docs/reliability.md).',
  races: 'Asks two replicas for the same migration at the same instant (docs/reliability.md).',
  revocation: 'Measures how long data stays readable without its key (docs/revocation.md).',
  'region-down': 'Takes a region of AWS KMS down under load (docs/revocation.md).',
  'dead-key': "Measures how a tenant's dead key affects its neighbour (docs/revocation.md).",
  'key-states':
    'Measures how soon a disabled key without traffic is shown among thousands (docs/revocation.md).',
  'large-tenant': 'Migrates a tenant of five million cipherkeys beside forty writers (docs/load.md).',
  neighbours: 'Floods a server in every way, and measures the neighbour (docs/neighbours.md).',
  scale: 'Measures what grows with a hundred thousand tenants, and how fast (docs/scale.md).',
  'rolling-restart':
    'Replaces two replicas behind nginx under load, and counts what fails (docs/reliability.md).',
  cores: 'Compares one replica with several that share a port, in processor time (docs/performance.md).',
  'first-value': 'Times each step from an empty folder to the first value (docs/deployment.md).',
  failover: 'Lets the database fail over under load, and counts lost keys (docs/reliability.md).',
  forge: 'Attacks every column of the database, and judges by what follows (docs/untrusted-database.md).',
  'fuzz-contract': 'Sends drawn requests to every route, and judges each answer by the contract.',
  'fuzz-tokens': 'Sends generated tokens through the parser and the decryption.',
} as const

export type ExperimentName = keyof typeof experiments
