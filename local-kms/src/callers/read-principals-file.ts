// A JSON file of principals and roles, besides the administrators that every account has.
import { decodeText } from '@keyhold/core/decode-text'
import { readFileSync } from 'node:fs'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import { type Caller, type Callers, createCallers } from './callers.ts'
import { createGuardrails, parseNewGuardrails } from './guardrails.ts'
import { createRoles } from './roles.ts'

const principalArnPattern = /^arn:aws[a-z-]*:iam::(\d{12}):(?:root|user\/.+|role\/.+)$/

/** @throws Error that names the file and the entry when the file is not a list of principals */
export function readPrincipalsFile(path: string): Callers {
  const list = readJson(path)
  if (!Array.isArray(list)) throw new Error(`${path}: expected a JSON array of principals`)
  const callers = new Map<string, Caller>()
  const roles = createRoles()
  const guardrails = createGuardrails()
  for (const [index, entry] of list.entries()) {
    try {
      const members = isJsonObject(entry) ? entry : {}
      if (isJsonObject(members.guardrails)) {
        guardrails.put(String(members.arn), parseNewGuardrails(members.guardrails))
      }
      if (members.trust !== undefined) {
        roles.put({ arn: String(members.arn), trust: members.trust, policy: members.policy })
        if (members.accessKeyId === undefined) continue
      }
      const [accessKeyId, caller] = parsePrincipal(members)
      if (callers.has(accessKeyId)) throw new Error('its accessKeyId is listed twice')
      callers.set(accessKeyId, caller)
    } catch (cause) {
      throw new Error(`${path}: entry ${index}: ${cause instanceof Error ? cause.message : ''}`, { cause })
    }
  }
  return createCallers(callers, roles, guardrails)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(decodeText(readFileSync(path)))
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause })
  }
}

function parsePrincipal(members: JsonObject): [accessKeyId: string, caller: Caller] {
  const { accessKeyId, secretAccessKey, sessionToken, arn, policy } = members
  if (typeof accessKeyId !== 'string' || !/^\w{4,128}$/.test(accessKeyId)) {
    throw new Error('"accessKeyId" expected 4 to 128 letters or digits')
  }
  if (typeof secretAccessKey !== 'string' || secretAccessKey === '') {
    throw new Error('"secretAccessKey" expected text')
  }
  if (sessionToken !== undefined && typeof sessionToken !== 'string') {
    throw new Error('"sessionToken" expected text')
  }
  const account = typeof arn === 'string' ? principalArnPattern.exec(arn)?.[1] : undefined
  if (typeof arn !== 'string' || account === undefined) {
    throw new Error('"arn" expected arn:aws:iam::<account>:role/<name> or …:user/<name>')
  }
  const identityPolicy = policy === undefined ? undefined : parsePolicy(JSON.stringify(policy), 'identity')
  return [accessKeyId, { secretAccessKey, sessionToken, account, arn, identityPolicy }]
}
