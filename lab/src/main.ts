// `npm run lab <experiment> -- …`: every experiment behind one command. Each has its own options: `npm run lab races -- --help`.
const experiments = {
  bench: 'Keyhold beside what one would take instead (docs/performance.md)',
  load: 'mixed load for as long as one likes, every value verified (docs/load.md)',
  'big-file': 'a file of 5 GiB through the SDK and the command line, with bounded memory (docs/load.md)',
  faults:
    'two replicas, their database and their KMS broken in every way, and an oracle (docs/reliability.md)',
  races: 'two replicas that start the same migration at the same instant (docs/reliability.md)',
  revocation: 'how long data stays readable after the customer takes the key away (docs/revocation.md)',
  'region-down': 'what happens when a region of AWS KMS goes down (docs/revocation.md)',
  'dead-key': "what a tenant feels of its neighbour's dead key (docs/revocation.md)",
} as const

const [name = ''] = process.argv.splice(2, 1)
if (Object.hasOwn(experiments, name)) {
  await import(`./${name}/main.ts`)
} else {
  const lines = Object.entries(experiments).map(([each, does]) => `  ${each.padEnd(12)} ${does}\n`)
  process.stderr.write(`Usage: npm run lab <experiment> -- [options]\n\n${lines.join('')}`)
  process.exitCode = 2
}
