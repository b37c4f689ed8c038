import { api } from './client';
import { unwrap } from './problem';
import type { NewAccount, NewStrategy } from './types';

const position = (position_id: string) => ({ params: { path: { position_id } } });
const strategy = (strategy_id: string) => ({ params: { path: { strategy_id } } });

export const closePosition = (id: string, percent: number) =>
  unwrap(
    api.POST('/api/positions/{position_id}/close', { ...position(id), body: { portion: `${percent}%` } }),
  );

export const reversePosition = (id: string) =>
  unwrap(api.POST('/api/positions/{position_id}/reverse', { ...position(id), body: {} }));

export const createAccount = (body: NewAccount) => unwrap(api.POST('/api/accounts', { body }));

export const deleteAccount = (id: string) =>
  unwrap(api.DELETE('/api/accounts/{account_id}', { params: { path: { account_id: id } } }));

export const createStrategy = (body: NewStrategy) => unwrap(api.POST('/api/strategies', { body }));

export const setStrategyEnabled = (id: string, enabled: boolean) =>
  unwrap(api.PATCH('/api/strategies/{strategy_id}', { ...strategy(id), body: { enabled } }));

export const deleteStrategy = (id: string) =>
  unwrap(api.DELETE('/api/strategies/{strategy_id}', strategy(id)));

export const rotateSecret = (id: string) =>
  unwrap(api.POST('/api/strategies/{strategy_id}/secret', strategy(id)));

export const createTicket = () => unwrap(api.POST('/api/ws-ticket')).then(({ ticket }) => ticket);
