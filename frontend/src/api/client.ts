import createClient from 'openapi-fetch';
import { proveIdentity } from './confirmation';
import type { paths } from './schema';
import { currentToken, refreshSession } from './session';

const CONFIRMATION_NEEDED = 'confirmation_needed';

function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** With the access token and, where something is done, a key under which it is done once however often it is sent. */
function authorised(request: Request, key: string): Request {
  const token = currentToken();
  if (token) {
    request.headers.set('Authorization', `Bearer ${token}`);
    if (request.method !== 'GET') request.headers.set('Idempotency-Key', key);
  }
  return request;
}

/** What a refusal says it is, in the server's own code. */
async function codeOf(response: Response): Promise<unknown> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : null;
}

const opensSession = (url: string) =>
  /^\/api\/auth\/(login|signup|refresh|logout|recover|confirm)$/.test(new URL(url).pathname);

/**
 * Sends with the access token; on 401 renews the session once and sends again. Where the server wants a proof of who is
 * there, the user is asked for one, and the request is sent again.
 */
async function send(request: Request): Promise<Response> {
  const key = randomKey();
  const [again, afterProof] = [request.clone(), request.clone()];
  let response = await globalThis.fetch(authorised(request, key));
  if (opensSession(request.url)) return response;
  // A wrong password is no expired session.
  if (response.status === 401 && (await codeOf(response)) !== 'wrong_credentials') {
    if (!(await refreshSession())) return response;
    response = await globalThis.fetch(authorised(again, key));
  }
  if (
    response.status === 403 &&
    (await codeOf(response)) === CONFIRMATION_NEEDED &&
    (await proveIdentity())
  ) {
    response = await globalThis.fetch(authorised(afterProof, key));
  }
  return response;
}

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: send });
