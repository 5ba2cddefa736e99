// The console. It is one page: everything that it shows comes from the API.
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { router } from './router.tsx'
import { queryClient } from './server/query-client.ts'
import './styles/base.css'
import './styles/parts.css'
import './shell/shell.css'

// After an upgrade the files of an open page are gone: the page is loaded anew.
addEventListener('vite:preloadError', () => {
  location.reload()
})

const place = document.getElementById('console')
if (place === null) throw new Error('the page has no place for the console')
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
