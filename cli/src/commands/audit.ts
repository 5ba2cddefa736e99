// keyhold audit …: the audit trail, and whether it is what was recorded.
import type { Audit } from '@keyhold/client'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { auditSource } from '../audits/audit-source.ts'
import { readKeptHead, saveHead } from '../audits/kept-head.ts'
import { verifyChain } from '../audits/verify-chain.ts'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import { signingKeys } from '../signatures/signing-keys.ts'
import { verifyReport } from '../signatures/verify-report.ts'
import { auditListView, verifiedChainView, type VerifiedChain } from '../views/audit.ts'

// As many as a page has at most.
const pageLimit = 1_000
const defaultLast = 50

interface ChainOptions {
  operator?: true
  tenant?: string
}

interface ListOptions extends ChainOptions {
  last?: number
  after?: number
  all?: true
}

interface VerifyOptions extends ChainOptions {
  head?: string
  saveHead?: string
  keys?: string
}

export function addAuditGroup(parent: Command): void {
  const group = parent
    .command('audit')
    .description('The audit trail: who changed what, in a chain that shows what was tampered with.')

  chainOptions(group.command('list').alias('ls'))
    .description('List the newest records, in the order of the chain.')
    .addOption(
      new Option('--last <number>', `how many of the newest (${defaultLast})`)
        .argParser(parseNumber)
        .conflicts(['after', 'all']),
    )
    .addOption(new Option('--after <no>', 'all that follow this record').argParser(parseNumber))
    .option('--all', 'all of them')
    .action(async (options: ListOptions, command: Command) => {
      const session = await openChain(command, options)
      const audits = await listAudits(session, chainOf(options), options)
      printReply(session.mode, { body: { audits }, text: JSON.stringify({ audits }) }, auditListView)
    })

  chainOptions(group.command('verify'))
    .description('Compute the chain anew, check its signed head, and compare it with one that was kept.')
    .option('--head <path>', 'a head that was saved before: its records must still be there, unchanged')
    .option('--save-head <path>', 'save the head once all is verified; may be the same file')
    .option('--keys <path>', 'check signatures with the keys of this JWK set, kept from before')
    .action(async (options: VerifyOptions, command: Command) => {
      const session = await openChain(command, options)
      const verified = await verify(session, chainOf(options), options)
      printReply(session.mode, { body: verified, text: JSON.stringify(verified) }, verifiedChainView)
    })
}

function chainOptions(command: Command): Command {
  return command
    .option('--operator', "of the installation instead of the token's tenant, with an operator token")
    .option('--tenant <id>', 'of this tenant, deleted or not, with an operator token', parsePathSegment)
}

function chainOf({ operator, tenant }: ChainOptions): string | undefined {
  return tenant ?? (operator ? 'installation' : undefined)
}

function openChain(command: Command, options: ChainOptions): Promise<Session> {
  return openSession(command, chainOf(options) === undefined ? 'tenant-admin' : 'operator')
}

async function listAudits(
  session: Session,
  chain: string | undefined,
  { last = defaultLast, after, all }: ListOptions,
): Promise<Audit[]> {
  const source = auditSource(session, chain)
  const from = after ?? (all ? 0 : Math.max(0, (await source.head()).head.sequence - last))
  const audits: Audit[] = []
  for await (const page of source.pages(from, pageLimit)) audits.push(...page)
  return audits
}

async function verify(
  session: Session,
  chain: string | undefined,
  { head: headFile, saveHead: newHeadFile, keys: keysFile }: VerifyOptions,
): Promise<VerifiedChain> {
  const source = auditSource(session, chain)
  const keys = await signingKeys(session, keysFile)
  const kept = headFile === undefined ? undefined : await readKeptHead(headFile, keys)
  const signed = await source.head()
  const signedBy = verifyReport({ jws: signed.jws, report: signed.head }, keys, 'the head')
  await verifyChain(source, signed.head, kept)
  if (newHeadFile !== undefined) {
    await saveHead(newHeadFile, signed)
    if (session.mode === 'text')
      say(`the head is saved in ${newHeadFile}: keep it where others cannot change it`)
  }
  return { ...signed, signedBy, ...(kept !== undefined && { keptSequence: kept.sequence }) }
}

function parseNumber(text: string): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
