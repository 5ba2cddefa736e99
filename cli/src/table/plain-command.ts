// A command that is one call of one route: which route, where each input goes, and how the answer is shown. A route that
// answers page by page is called for all pages.
import type {
  CallArguments,
  Reply,
  RequestBody,
  RequestQueries,
  RouteId,
  RouteParameters,
} from '@keyhold/client'
import { confirm } from '../input/confirm.ts'
import type { View } from '../output/print-reply.ts'
import { collectPages, isPaged, type PagedOptions } from '../session/all-pages.ts'
import { withKeyProvider } from '../session/find-key-provider.ts'
import type { Caller } from '../session/read-token.ts'
import type { CommandSpec } from './command-spec.ts'
import { flag, type Input, type Inputs } from './input.ts'

interface Plain<Id extends RouteId> {
  name: string
  alias?: string
  about: string
  /** Whose token it takes. */
  as: Caller
  route: Id
  /** Asked first unless --yes is given: for what cannot be taken back. */
  question?: (values: Readonly<Record<string, unknown>>) => string
  /** `status` where the reply has no body. */
  view: View<Reply<Id>['body']> | 'status'
}

/** The inputs, by where they go in the request. One without a value is left out of it. */
type Request<Id extends RouteId> = ([RouteParameters[Id]] extends [never]
  ? { path?: never }
  : { path: Record<RouteParameters[Id], Input<string>> }) &
  ([RequestQueries[Id]] extends [never] ? { query?: never } : { query?: InputsOf<RequestQueries[Id]> }) &
  ([RequestBody<Id>] extends [never] ? { body?: never } : { body: InputsOf<RequestBody<Id>> })

type InputsOf<Content> = { [Name in keyof Content]: Input<Content[Name]> }

/** The same, whatever the route. */
type AnyRequest = Partial<Record<'path' | 'query' | 'body', Inputs>>

export function plain<Id extends RouteId>({
  name,
  alias,
  about,
  as,
  route,
  question,
  view,
  ...request
}: Plain<Id> & Request<Id>): CommandSpec {
  const { path, query, body } = request as AnyRequest
  const yes = question === undefined ? {} : { yes: flag('-y, --yes', 'do not ask') }
  return {
    name,
    ...(alias !== undefined && { alias }),
    about,
    inputs: { ...path, ...query, ...body, ...yes },
    async run({ shell, openSession }, values) {
      const session = await openSession(as)
      if (question !== undefined && values.yes !== true) await confirm(shell, question(values))
      const options = {
        ...(path !== undefined && { params: given(path, values) }),
        ...(query !== undefined && { query: given(query, values) }),
        ...(body !== undefined && { body: given(body, values) }),
      }
      if (isPaged(route)) {
        session.printBody(await collectPages(session, route, options as PagedOptions), view as View<unknown>)
        return
      }
      // `Request` has compared each input with the route.
      const call = (given: typeof options) =>
        session.call(route, ...([given] as unknown as CallArguments<Id>))
      const provider = path?.arnFingerPrint === undefined ? undefined : values.arnFingerPrint
      const reply =
        typeof provider === 'string'
          ? await withKeyProvider(session, provider, (arnFingerPrint) =>
              call({ ...options, params: { ...options.params, arnFingerPrint } }),
            )
          : await call(options)
      if (view === 'status') session.printStatus(reply as { status: number })
      else session.print(reply, view)
    },
  }
}

function given(inputs: Inputs, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(inputs)
      .map((name) => [name, values[name]] as const)
      .filter(([, value]) => value !== undefined),
  )
}
