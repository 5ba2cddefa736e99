// The pages by their addresses. Each is a file of its own that is loaded when somebody goes there.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { consolePath } from './server/place.ts'
import { Shell } from './shell/shell.tsx'
import { NotFoundPage } from './shell/not-found-page.tsx'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage })
const page = <const Path extends string>(path: Path, load: () => Promise<{ Page: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load, 'Page') })

const routeTree = root.addChildren([
  page('/', () => import('./home/home-page.tsx')),
  page('/keys', () => import('./keys/keys-page.tsx')),
  page('/keys/$fingerprint', () => import('./keys/key-page.tsx')),
  createRoute({
    getParentRoute: () => root,
    path: '/bring-your-key',
    // The registered key that a move is rehearsed for; without one the way begins at its first step.
    validateSearch: ({ fingerprint }): { fingerprint?: string } =>
      typeof fingerprint === 'string' ? { fingerprint } : {},
    component: lazyRouteComponent(() => import('./bring-key/bring-key-page.tsx'), 'Page'),
  }),
  page('/migrations', () => import('./migrations/migrations-page.tsx')),
  page('/migrations/$migrationId', () => import('./migrations/migration-page.tsx')),
  page('/lock', () => import('./lock/lock-page.tsx')),
  page('/audit', () => import('./audit/audit-page.tsx')),
])

export const router = createRouter({ routeTree, basepath: consolePath, scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
