// Checks path parameters, queries and bodies against the contract. The framework does not do it, so that no trick with a
// content type gets an unchecked body through.
import {
  fingerprintPattern,
  keyNamePattern,
  limits,
  mayLackBody,
  takesItems,
  type RouteId,
} from '@keyhold/contract'
import { routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'
import { KeyholdError } from '@keyhold/core'
import { checkForm, formOf, type Form } from './check-form.ts'

const fingerprintForm = new RegExp(fingerprintPattern)
const keyNameForm = new RegExp(keyNamePattern)

/** @throws KeyholdError `ERR_FINGERPRINT_TOO_LONG`, `ERR_FINGERPRINT_INVALID`, `ERR_KEY_NAME_INVALID` */
export function checkParams(params: Readonly<Record<string, string>>): void {
  const { arnFingerPrint, keyName } = params
  if (keyName !== undefined && !keyNameForm.test(keyName)) throw new KeyholdError('ERR_KEY_NAME_INVALID')
  if (arnFingerPrint === undefined) return
  if (arnFingerPrint.length > limits.maxFingerprintCharacters)
    throw new KeyholdError('ERR_FINGERPRINT_TOO_LONG')
  if (!fingerprintForm.test(arnFingerPrint)) throw new KeyholdError('ERR_FINGERPRINT_INVALID')
}

const bodyForms = new Map<string, Form>()
const queryForms = new Map<string, Form>()
for (const [id, { body, query }] of Object.entries<RouteSchemas>(routeSchemas)) {
  if (body !== undefined) bodyForms.set(id, formOf(body))
  if (query !== undefined) queryForms.set(id, formOf(query))
}

/**
 * Checks the query. A route without a query ignores it.
 *
 * @throws KeyholdError `ERR_INVALID_REQUEST`, naming the first member that is wrong, never its value
 */
export function checkQuery(routeId: RouteId, query: unknown): unknown {
  const form = queryForms.get(routeId)
  return form === undefined ? undefined : checkForm(form, query, 'query')
}

/**
 * Checks the body. A route without a body ignores it.
 *
 * @throws KeyholdError `ERR_INVALID_REQUEST`, naming the first member that is wrong, never its value
 */
export function checkBody(routeId: RouteId, body: unknown): unknown {
  const form = bodyForms.get(routeId)
  if (form === undefined) return undefined
  if ((body === undefined || body === null) && mayLackBody(routeId)) return {}
  checkForm(form, body, 'body')
  // Items are checked one by one; all other texts end up in columns and on screens.
  if (!takesItems(routeId) && !isStorable(body)) {
    throw new KeyholdError('ERR_INVALID_REQUEST', {
      message:
        'A text has a character that cannot be stored: a control character, or one that changes the direction of text.',
    })
  }
  return body
}

// Texts are at most this deep in a body: in the objects of a list. Anything deeper is in members that are ignored.
const maxTextDepth = 2

// C0, DEL and C1 controls, which terminals obey; and what turns the direction of all that follows on a screen, in names of others,
// too. The marks that stand in Hebrew and Arabic texts (U+200E, U+200F, U+061C) do not.
// oxlint-disable-next-line no-control-regex
const notStorable = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return !notStorable.test(value)
  if (typeof value !== 'object' || value === null || depth === maxTextDepth) return true
  return Object.values(value).every((member) => isStorable(member, depth + 1))
}
