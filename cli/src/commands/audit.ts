// keyhold audit …: the audit trail, and whether its records are as they were recorded.
import { auditSource } from '../audits/audit-source.ts'
import { readKeptHead, saveHead } from '../audits/kept-head.ts'
import { verifyChain } from '../audits/verify-chain.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { wholeNumber } from '../input/whole-number.ts'
import type { Session } from '../session/open-session.ts'
import { signingKeys } from '../signatures/signing-keys.ts'
import { verifyJws } from '../signatures/verify-jws.ts'
import { command, type CommandGroup, type Invocation } from '../table/command-spec.ts'
import { flag, option, type ValuesOf } from '../table/input.ts'
import { auditListView, verifiedChainView } from '../views/audit.ts'

const defaultLast = 50

const chain = {
  operator: flag('--operator', "of the installation instead of the token's tenant, with an operator token"),
  tenant: option('--tenant <id>', 'of this tenant, deleted or not, with an operator token', parsePathSegment),
}

const listCommand = command({
  name: 'list',
  alias: 'ls',
  about: 'List the newest records, in the order of the chain.',
  inputs: {
    ...chain,
    last: option('--last <number>', `how many of the newest (${defaultLast})`, wholeNumber(0), {
      conflicts: ['after', 'all'],
    }),
    after: option('--after <no>', 'all that follow this record', wholeNumber(0)),
    all: flag('--all', 'all of them'),
  },
  async run(invocation, { last = defaultLast, after, all, ...values }) {
    const { source, session } = await openChain(invocation, values)
    const from = after ?? (all ? 0 : Math.max(0, (await source.head()).head.sequence - last))
    const audits = []
    for await (const page of source.pages(from)) audits.push(...page)
    session.printBody({ audits }, auditListView)
  },
})

const verifyCommand = command({
  name: 'verify',
  about: 'Compute the chain again, verify its signed head, and compare it with a head that was kept.',
  inputs: {
    ...chain,
    head: option('--head <path>', 'a head saved before: its records must still be there, unchanged'),
    saveHead: option('--save-head <path>', 'save the head once all is verified; may be the same file'),
    keys: option('--keys <path>', 'verify signatures with the keys of this JWK set, kept from before'),
  },
  async run(invocation, { head: headFile, saveHead: newHeadFile, keys: keysFile, ...values }) {
    const { source, session } = await openChain(invocation, values)
    const keys = await signingKeys(session, keysFile)
    const kept = headFile === undefined ? undefined : await readKeptHead(session.shell, headFile, keys)
    const signed = await source.head()
    const signedBy = verifyJws({ jws: signed.jws, content: signed.head }, keys, 'the head')
    await verifyChain(source, signed.head, kept)
    if (newHeadFile !== undefined) {
      await saveHead(session.shell, newHeadFile, signed)
      session.remark(`the head is saved in ${newHeadFile}: keep it where others cannot change it`)
    }
    const verified = { ...signed, signedBy, ...(kept !== undefined && { keptSequence: kept.sequence }) }
    session.printBody(verified, verifiedChainView)
  },
})

async function openChain(
  { openSession }: Invocation,
  { operator, tenant }: ValuesOf<typeof chain>,
): Promise<{ source: ReturnType<typeof auditSource>; session: Session }> {
  const name = tenant ?? (operator ? 'installation' : undefined)
  const session = await openSession(name === undefined ? 'tenant-admin' : 'operator')
  return { source: auditSource(session, name), session }
}

export const auditGroup: CommandGroup = {
  name: 'audit',
  about: 'The audit trail: who changed what, in a chain that shows any tampering.',
  commands: [listCommand, verifyCommand],
}
