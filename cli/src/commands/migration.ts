// keyhold migration …: key jobs of both kinds, migrations and rotations.
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { parseSeconds } from '../input/parse-seconds.ts'
import { verifySignature } from '../signatures/verify-signature.ts'
import { command, type CommandGroup } from '../table/command-spec.ts'
import { argument, flag, option } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { keyJobFailureListView, keyJobListView, keyJobReportView, keyJobView } from '../views/key-job.ts'
import { endedKeyJob } from '../wait/ended-key-job.ts'
import { acceptFailuresCommand } from './accept-failures.ts'
import { destroyFailuresCommand } from './destroy-failures.ts'

const theKeyJob = argument('<id>', 'id of the key job', parsePathSegment)
const as = 'tenant-admin'

const watchCommand = command({
  name: 'watch',
  about: 'Show phase, rate and time left on standard error until it has ended.',
  inputs: {
    migrationId: theKeyJob,
    timeout: option('--timeout <seconds>', 'stop watching after this time', parseSeconds),
  },
  async run({ openSession }, { migrationId, timeout }) {
    const session = await openSession(as)
    session.print(await endedKeyJob(session, migrationId, timeout), keyJobView)
  },
})

const reportCommand = command({
  name: 'report',
  about: 'Print the signed report of one that has ended.',
  inputs: {
    migrationId: theKeyJob,
    verify: flag('--verify', "verify its signature with the server's public key"),
    keys: option('--keys <path>', 'verify it with the keys of this JWK set, kept from before', undefined, {
      implies: { verify: true },
    }),
  },
  async run({ openSession }, { migrationId, verify, keys }) {
    const session = await openSession(as)
    const reply = await session.call('getMigrationReport', { params: { migrationId } })
    const { jws, report } = reply.body
    if (verify) await verifySignature(session, { jws, content: report }, keys)
    session.print(reply, keyJobReportView)
  },
})

export const migrationGroup: CommandGroup = {
  name: 'migration',
  about: 'Key jobs: migrations and rotations, also those that have ended.',
  commands: [
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List them, the newest first.',
      as,
      route: 'listMigrations',
      view: keyJobListView,
    }),
    plain({
      name: 'show',
      about: 'Show one.',
      as,
      route: 'getMigration',
      path: { migrationId: theKeyJob },
      view: keyJobView,
    }),
    watchCommand,
    plain({
      name: 'failures',
      about: 'List the cipherkeys that it has set aside because they do not open.',
      as,
      route: 'listMigrationFailures',
      path: { migrationId: theKeyJob },
      view: keyJobFailureListView,
    }),
    acceptFailuresCommand,
    destroyFailuresCommand,
    plain({
      name: 'retry',
      about: 'End its pause at once.',
      as,
      route: 'retryMigration',
      path: { migrationId: theKeyJob },
      view: keyJobView,
    }),
    plain({
      name: 'cancel',
      about: 'Turn it round before its cutover: everything goes back to where it was.',
      as,
      route: 'cancelMigration',
      path: { migrationId: theKeyJob },
      view: keyJobView,
    }),
    reportCommand,
  ],
}
