import createClient from 'openapi-fetch';
import type { paths } from './schema';
import { currentToken, refreshSession } from './session';

function authorised(request: Request): Request {
  const token = currentToken();
  if (token) request.headers.set('Authorization', `Bearer ${token}`);
  return request;
}

/** Sends with the access token; on 401 renews the session once and sends again. */
async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await globalThis.fetch(authorised(request));
  if (response.status !== 401 || new URL(request.url).pathname.startsWith('/api/auth/')) return response;
  return (await refreshSession()) ? globalThis.fetch(authorised(again)) : response;
}

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: send });
