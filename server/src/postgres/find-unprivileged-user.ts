// Chooses the user of the system that root lends to PostgreSQL.

import { readFile } from 'node:fs/promises'
import type { Account } from './account.ts'

const preferred = ['keyhold', 'postgres', '_postgres', 'nobody']

/**
 * Answers the owner of the files if that is not root, since that account reaches them; otherwise the first of a few
 * usual users that this system has.
 */
export async function findUnprivilegedUser(owner: {
  uid: number
  gid: number
}): Promise<(Account & { kind: 'user' }) | undefined> {
  const users = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''))
  if (owner.uid !== 0) {
    const name = users.find(({ uid }) => uid === owner.uid)?.name ?? String(owner.uid)
    return { kind: 'user', name, uid: owner.uid, gid: owner.gid }
  }
  const found = preferred.map((name) => users.find((user) => user.name === name))
  return found.find((user) => user !== undefined)
}

function parsePasswd(text: string): (Account & { kind: 'user' })[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return []
    return [{ kind: 'user', name, uid: Number(uid), gid: Number(gid) }]
  })
}
