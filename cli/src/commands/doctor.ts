// keyhold doctor: what stands between this machine and its Keyhold.
import manifest from '../../package.json' with { type: 'json' }
import { runChecks } from '../doctor/checks.ts'
import { clientChecks } from '../doctor/client-checks.ts'
import { CliError } from '../errors/cli-error.ts'
import { printReply } from '../output/print-reply.ts'
import { command } from '../table/command-spec.ts'
import { flag } from '../table/input.ts'
import { diagnosisView } from '../views/check-results.ts'

export const doctorCommand = command({
  name: 'doctor',
  about: 'Check settings, connection, TLS, clock and token, and say what to do.',
  inputs: { strict: flag('--strict', 'end with exit code 1 for warnings, too') },
  async run({ shell, globals, mode }, { strict }) {
    const checks = await runChecks(clientChecks(shell, globals, manifest.version))
    const bad = checks.filter(({ status }) => status === 'fail' || (strict && status === 'warn'))
    const diagnosis = { isHealthy: bad.length === 0, checks }
    printReply(shell, mode, { body: diagnosis, text: JSON.stringify(diagnosis) }, diagnosisView)
    if (bad.length === 0) return
    const names = bad.map(({ name }) => name).join(', ')
    throw new CliError('failed', 'ERR_CLI_UNHEALTHY', `not as it should be: ${names}`, { isPrinted: true })
  },
})
