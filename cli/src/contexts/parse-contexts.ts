// The content of the file of contexts. A file with one wrong context is refused as a whole: nobody shall get the token of another one.
import { isAbsolute } from 'node:path'
import { isContextName } from './context-name.ts'

/** The files with which a server is reached, by their absolute paths. Their contents are read with each command. */
export interface ServerFiles {
  /** Authorities besides those of Node. */
  caFile?: string
  /** Of the client; both or none. */
  clientCertificate?: string
  clientKey?: string
}

/** A server, a token for it, and the tenant for tokens that are bound to none. */
export interface Context extends ServerFiles {
  server: string
  tenant?: string
  token: string
}

export interface Contexts {
  current: string | undefined
  /** By their names, in the order in which they were made. */
  byName: Map<string, Context>
}

const format = 1
const maxServerLength = 2_048
const tokenForm = /^[\x21-\x7e]{1,8192}$/
const tenantForm = /^[A-Za-z0-9_-]{1,64}$/

export function noContexts(): Contexts {
  return { current: undefined, byName: new Map() }
}

export function isToken(text: string): boolean {
  return tokenForm.test(text)
}

export function isTenantId(text: string): boolean {
  return tenantForm.test(text)
}

/** Whether a URL can be the server of a context. Credentials in it would be shown wherever the server is. */
export function isServerUrl(text: string): boolean {
  if (text.length > maxServerLength || !URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === ''
}

/** @throws Error whose message completes the sentence "the file …" */
export function parseContexts(text: string): Contexts {
  const content = objectIn(parsed(text), 'holds no object')
  if (content.format !== format)
    throw new Error(
      typeof content.format === 'number' && content.format > format
        ? 'was written by a newer keyhold'
        : 'is not a file of contexts',
    )
  const contexts = noContexts()
  for (const [name, value] of Object.entries(objectIn(content.contexts, 'has no contexts'))) {
    if (!isContextName(name)) throw new Error('has a context whose name cannot be one')
    contexts.byName.set(name, contextIn(name, value))
  }
  const { current } = content
  if (current === undefined) return contexts
  if (typeof current !== 'string' || !contexts.byName.has(current))
    throw new Error('names a current context that it does not have')
  return { ...contexts, current }
}

export function writeOutContexts({ current, byName }: Contexts): string {
  const content = { format, current, contexts: Object.fromEntries(byName) }
  return `${JSON.stringify(content, null, 2)}\n`
}

function contextIn(name: string, value: unknown): Context {
  const content = objectIn(value, `has no object for the context ${name}`)
  const { server, tenant, token } = content
  if (typeof server !== 'string' || !isServerUrl(server))
    throw new Error(`has no usable server for the context ${name}`)
  if (typeof token !== 'string' || !isToken(token))
    throw new Error(`has no usable token for the context ${name}`)
  const files = filesIn(name, content)
  if (tenant === undefined) return { server, token, ...files }
  if (typeof tenant !== 'string' || !isTenantId(tenant))
    throw new Error(`has no usable tenant for the context ${name}`)
  return { server, tenant, token, ...files }
}

const fileMembers = ['caFile', 'clientCertificate', 'clientKey'] as const

function filesIn(name: string, content: Record<string, unknown>): ServerFiles {
  const files: ServerFiles = {}
  for (const member of fileMembers) {
    const file = content[member]
    if (file === undefined) continue
    if (typeof file !== 'string' || !isAbsolute(file) || file.includes('\0'))
      throw new Error(`has no usable ${member} for the context ${name}`)
    files[member] = file
  }
  if ((files.clientCertificate === undefined) !== (files.clientKey === undefined))
    throw new Error(`has a certificate or a key alone for the context ${name}`)
  return files
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of the parser shows a part of the text, which may be a token.
    throw new Error('holds no JSON')
  }
}

function objectIn(value: unknown, message: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(message)
  return value as Record<string, unknown>
}
