// One operation of the OpenAPI description.
import { errorsOf, statusOf, type ReplyKind, type Route, type RouteId } from '@keyhold/contract'
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
const octets = { schema: { type: 'string', format: 'binary' } }

export function describeOperation(id: RouteId, route: Route, tag: string): Operation {
  const { query, body, bodyWithItems, replies }: RouteSchemas = routeSchemas[id]
  const asOctets = route.takesOctets === true ? { 'application/octet-stream': octets } : {}
  return {
    operationId: id,
    tags: [tag],
    summary: route.summary,
    description: `For API keys with the role ${route.roles.join(' or ')}.`,
    parameters: parametersOf(route, query),
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: withNames(bodyWithItems ?? body) }, ...asOctets },
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
                content: { [mediaTypes[kind]]: { schema: withNames(replies[Number(status)]) }, ...asOctets },
              },
        ]),
      ),
      ...refusalsOf(id),
    },
  }
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

function headersOf(route: Route): object[] {
  const tenant = {
    name: 'Keyhold-Tenant',
    description: 'The tenant, for API keys that are not bound to one.',
  }
  const ofValues = [
    { name: 'Keyhold-Key-Name', description: 'With a body of bytes: the name of the data key.' },
    {
      name: 'Keyhold-Context',
      description: 'With a body of bytes: the encryption context, a JSON object of strings, in base64url.',
    },
  ]
  const headers = [
    ...(route.roles.includes('operator') ? [] : [tenant]),
    ...(route.takesOctets === true ? ofValues : []),
  ]
  return headers.map((header) => ({ ...header, in: 'header', required: false, schema: { type: 'string' } }))
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
