// keyhold audit …: the audit trail, and whether its records are as they were recorded, with a server and without one.
import type { Audit } from '@keyhold/client'
import { auditSource, type AuditSource } from '../audits/audit-source.ts'
import { exportChain } from '../audits/export-chain.ts'
import { readKeptHead, saveHead } from '../audits/kept-head.ts'
import { headOrForged, verifyChain } from '../audits/verify-chain.ts'
import { verifyExport } from '../audits/verify-export.ts'
import { fileProblem } from '../encryption/file-problem.ts'
import { namedFile } from '../encryption/inputs.ts'
import { checkOutput, openOutput } from '../encryption/output.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { wholeNumber } from '../input/whole-number.ts'
import type { Session } from '../session/open-session.ts'
import { printReply } from '../output/print-reply.ts'
import { readSigningKeys, signingKeys } from '../signatures/signing-keys.ts'
import { verifyJws } from '../signatures/verify-jws.ts'
import { command, type CommandGroup, type Invocation } from '../table/command-spec.ts'
import { flag, option, type ValuesOf } from '../table/input.ts'
import { auditListView, verifiedChainView, verifiedExportView } from '../views/audit.ts'

const defaultLast = 50
// It holds no secret; the user's own mask decides who may read it.
const exportMode = 0o666

const chain = {
  operator: flag('--operator', "of the installation instead of the token's tenant, with an operator token"),
  tenant: option('--tenant <id>', 'of this tenant, deleted or not, with an operator token', parsePathSegment),
}

const filters = {
  action: option('--action <name>', 'only this action', undefined, { conflicts: ['after'] }),
  actor: option('--actor <id>', 'only what this caller did', undefined, { conflicts: ['after'] }),
  from: option('--from <time>', 'only from this moment on, in UTC', undefined, { conflicts: ['after'] }),
  to: option('--to <time>', 'only before this moment, in UTC', undefined, { conflicts: ['after'] }),
}

/** In the order of time, as many of the newest as are asked for. */
async function searchNewest(
  source: AuditSource,
  asked: Readonly<Record<string, string>>,
  most: number,
): Promise<{ audits: Audit[]; names?: Record<string, string> }> {
  const found: Audit[] = []
  let names: Record<string, string> = {}
  for await (const page of source.search(asked)) {
    found.push(...page.audits)
    names = { ...names, ...page.names }
    if (found.length >= most) break
  }
  const audits = found.slice(0, most).toReversed()
  return { audits, ...(Object.keys(names).length > 0 && { names }) }
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
    ...filters,
  },
  async run(invocation, { last, after, all, action, actor, from: since, to, ...values }) {
    const { source, session } = await openChain(invocation, values)
    const asked = Object.entries({ action, actor, from: since, to }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    )
    if (asked.length > 0) {
      const most = all ? Infinity : (last ?? defaultLast)
      session.printBody(await searchNewest(source, Object.fromEntries(asked), most), auditListView)
      return
    }
    const from = after ?? (all ? 0 : Math.max(0, (await source.head()).head.sequence - (last ?? defaultLast)))
    const audits = []
    let names: Record<string, string> = {}
    for await (const page of source.pages(from)) {
      audits.push(...page.audits)
      names = { ...names, ...page.names }
    }
    session.printBody({ audits, ...(Object.keys(names).length > 0 && { names }) }, auditListView)
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
    from: option('--from <path>', 'an export of the chain, without any server; needs --keys', undefined, {
      conflicts: ['saveHead'],
    }),
    checkpoints: option(
      '--checkpoints <path>',
      'with --from: what was kept of it elsewhere; repeatable',
      (path: string, before: string[] = []) => [...before, path],
    ),
  },
  async run(
    invocation,
    { head: headFile, saveHead: newHeadFile, keys: keysFile, from, checkpoints, ...values },
  ) {
    if (from !== undefined) {
      const files = { from, checkpoints: checkpoints ?? [], head: headFile, keys: keysFile }
      await verifyFile(invocation, { ...values, ...files })
      return
    }
    if (checkpoints !== undefined) invocation.refuse('--checkpoints goes with --from')
    const { source, session } = await openChain(invocation, values)
    const keys = await signingKeys(session, keysFile)
    const kept = headFile === undefined ? undefined : await readKeptHead(session.shell, headFile, keys)
    const signed = await headOrForged(source)
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

interface OfFile extends ValuesOf<typeof chain> {
  from: string
  checkpoints: readonly string[]
  head: string | undefined
  keys: string | undefined
}

/** It asks no server: neither for the chain nor for the keys. */
async function verifyFile({ shell, mode, refuse }: Invocation, values: OfFile): Promise<void> {
  const { from, checkpoints, head, keys, tenant, operator } = values
  if (keys === undefined)
    return refuse('--from needs --keys: who is under test must not say which keys verify what it has signed')
  const verified = await verifyExport(shell, {
    ...{ from, checkpoints, head, tenantId: tenant ?? (operator ? null : undefined) },
    keys: await readSigningKeys(shell, keys),
  })
  printReply(shell, mode, { body: verified, text: JSON.stringify(verified) }, verifiedExportView)
}

const exportCommand = command({
  name: 'export',
  about: 'Write a chain with its signed checkpoints, one JSON object a line, for audit verify --from.',
  inputs: {
    ...chain,
    output: option('-o, --output <path>', 'the file to write; standard output when it is left out'),
    force: flag('--force', 'replace the file if it exists'),
  },
  async run(invocation, { output: path, force, ...values }) {
    const { shell } = invocation
    const file = namedFile(shell, path)
    if (file !== undefined) await checkOutput(shell, file, force)
    const { source, session } = await openChain(invocation, values)
    try {
      const output = await openOutput(shell, file, force, exportMode)
      try {
        const records = await exportChain(source, (text) => output.write(Buffer.from(text)))
        await output.complete()
        if (file !== undefined) session.remark(`${records} records are in ${file.name}`)
      } catch (error) {
        await output.discard()
        throw error
      }
    } catch (error) {
      throw fileProblem(error, { input: undefined, output: file })
    }
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
  commands: [listCommand, verifyCommand, exportCommand],
}
