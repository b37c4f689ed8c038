import { api } from './client';
import { unwrap } from './problem';
import type {
  AccountLimits,
  HaltLevel,
  NewAccount,
  NewStrategy,
  ProtectionChange,
  StrategyChange,
} from './types';

const position = (position_id: string) => ({ params: { path: { position_id } } });
const strategy = (strategy_id: string) => ({ params: { path: { strategy_id } } });

export const closePosition = (id: string, percent: string) =>
  unwrap(
    api.POST('/api/positions/{position_id}/close', { ...position(id), body: { portion: `${percent}%` } }),
  );

export const reversePosition = (id: string) =>
  unwrap(api.POST('/api/positions/{position_id}/reverse', { ...position(id), body: {} }));

export const changeProtection = (id: string, body: ProtectionChange) =>
  unwrap(api.PATCH('/api/positions/{position_id}/protection', { ...position(id), body }));

/** Without an account, all of them. */
export const halt = (level: HaltLevel, accountId: string | null) =>
  unwrap(api.POST('/api/halt', { body: accountId === null ? { level } : { level, account_id: accountId } }));

export const resume = (accountId: string | null) =>
  unwrap(api.POST('/api/resume', { body: accountId === null ? {} : { account_id: accountId } }));

/** Replaces all limits of an account. */
export const setLimits = (id: string, limits: AccountLimits) =>
  unwrap(api.PATCH('/api/accounts/{account_id}', { params: { path: { account_id: id } }, body: { limits } }));

export const createAccount = (body: NewAccount) => unwrap(api.POST('/api/accounts', { body }));

export const runSelfTest = (id: string) =>
  unwrap(api.POST('/api/accounts/{account_id}/self-test', { params: { path: { account_id: id } } }));

export const deleteAccount = (id: string) =>
  unwrap(api.DELETE('/api/accounts/{account_id}', { params: { path: { account_id: id } } }));

export const createStrategy = (body: NewStrategy) => unwrap(api.POST('/api/strategies', { body }));

export const changeStrategy = (id: string, body: StrategyChange) =>
  unwrap(api.PATCH('/api/strategies/{strategy_id}', { ...strategy(id), body }));

export const setStrategyEnabled = (id: string, enabled: boolean) => changeStrategy(id, { enabled });

export const deleteStrategy = (id: string) =>
  unwrap(api.DELETE('/api/strategies/{strategy_id}', strategy(id)));

export const createTicket = () => unwrap(api.POST('/api/ws-ticket')).then(({ ticket }) => ticket);
