// One operation of the OpenAPI description.
import {
  errorsOf,
  statusOf,
  type OctetRouteId,
  type ReplyKind,
  type Route,
  type RouteId,
} from '@keyhold/contract'
import { namedSchemas, pathParameters, routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'
import { errorSummary, type ErrorCode } from '@keyhold/core'
import { withNames } from './schema-names.ts'

export interface Operation {
  operationId: string
  tags: string[]
  summary: string
  description: string
  parameters: object[]
  requestBody?: object
  responses: Record<string, object>
}

// Generators know these words for bytes.
const octets = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }

export function describeOperation(id: RouteId, route: Route, tag: string): Operation {
  const { query, body, bodyWithItems, replies }: RouteSchemas = routeSchemas[id]
  return {
    operationId: id,
    tags: [tag],
    summary: route.summary,
    description: rolesOf(route),
    parameters: parametersOf(route, query),
    ...(body !== undefined && {
      requestBody: {
        required: route.mayLackBody !== true,
        content: { 'application/json': { schema: withNames(bodyWithItems ?? body) } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.replies).map(([status, kind]) => [
          status,
          kind === 'nothing'
            ? { description: 'Done.' }
            : {
                description: 'Done.',
                content: { [mediaTypes[kind]]: { schema: withNames(replies[Number(status)]) } },
              },
        ]),
      ),
      ...refusalsOf(id),
    },
  }
}

/** The same route, with a body of bytes and a reply of bytes. */
export function describeOctetOperation(id: OctetRouteId, route: Route, tag: string): Operation {
  const { summary, description } = octetTexts[id]
  return {
    operationId: `${id}Bytes`,
    tags: [tag],
    summary,
    description: `${description} ${rolesOf(route)}`,
    parameters: [...parametersOf(route, undefined), ...octetHeaders[id].map(optionalHeader)],
    requestBody: { required: true, content: octets },
    responses: { 200: { description: 'Done.', content: octets }, ...refusalsOf(id) },
  }
}

const octetTexts: Readonly<Record<OctetRouteId, { summary: string; description: string }>> = {
  encrypt: {
    summary: 'Encrypts one value as bytes.',
    description: 'The reply is the token in binary form.',
  },
  decrypt: {
    summary: 'Decrypts one token in binary form.',
    description: 'The reply is the value.',
  },
}

const contextHeader = {
  name: 'Keyhold-Context',
  description: 'The encryption context, a JSON object of strings, in base64url.',
}
const octetHeaders: Readonly<Record<OctetRouteId, readonly Header[]>> = {
  encrypt: [{ name: 'Keyhold-Key-Name', description: 'The name of the data key.' }, contextHeader],
  decrypt: [contextHeader],
}

function rolesOf({ roles }: Route): string {
  return `For API keys with the role ${roles.join(' or ')}.`
}

const mediaTypes: Readonly<Record<Exclude<ReplyKind, 'nothing'>, string>> = {
  json: 'application/json',
  events: 'text/event-stream',
}

function parametersOf(route: Route, query: RouteSchemas['query']): object[] {
  const inPath = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: pathParameters[name],
  }))
  const inQuery = Object.entries(membersOf(query)).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema,
  }))
  return [...inPath, ...inQuery, ...headersOf(route)]
}

interface Header {
  name: string
  description: string
}

const tenantHeader: Header = {
  name: 'Keyhold-Tenant',
  description: 'The tenant, for API keys that are not bound to one.',
}

function headersOf(route: Route): object[] {
  return route.roles.includes('operator') ? [] : [optionalHeader(tenantHeader)]
}

function optionalHeader(header: Header): object {
  return { ...header, in: 'header', required: false, schema: { type: 'string' } }
}

/** A reply for each status of a refusal, with all codes that have it. */
function refusalsOf(id: RouteId): Record<string, object> {
  const byStatus = Map.groupBy(errorsOf(id), (code) => statusOf(code, id))
  const content = { 'application/json': { schema: withNames(namedSchemas.ErrorEnvelope) } }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [String(status), { description: sentences(codes), content }]),
  )
}

function sentences(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\`: ${errorSummary(code)}`).join('\n')
}

function membersOf(query: RouteSchemas['query']): Record<string, object> {
  return query !== undefined && 'properties' in query ? (query.properties as Record<string, object>) : {}
}
