// Certificate authorities of the user's own, from a file.
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { CliError } from '../errors/cli-error.ts'

const certificateForm = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** @throws CliError `configuration` for a file that cannot be used, and on a Node.js that cannot do this */
export function trustAuthoritiesIn(file: string): void {
  const refuse = (why: string, cause?: unknown) =>
    new CliError('configuration', 'ERR_CLI_CA_FILE', `--ca-file ${file}: ${why}`, { cause })
  if (typeof tls.setDefaultCACertificates !== 'function') throw refuse('needs Node.js 24.5 or later')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw refuse('the file cannot be read', cause)
  }
  const certificates = text.match(certificateForm)
  if (certificates === null) throw refuse('the file holds no certificate in PEM')
  try {
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...certificates])
  } catch (cause) {
    throw refuse('the file holds a certificate that cannot be read', cause)
  }
}
