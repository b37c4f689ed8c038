import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createQueryClient, keys } from '@/api/queries';
import { createApply } from '@/live/apply';
import { clearNotices, putNotice } from '@/live/notices';
import { draw } from '@/test/render';
import { account } from '@/test/samples';
import { answers, pageOf, refuses } from '@/test/server';
import { clearAsked } from './asked';
import { HaltBanner } from './HaltBanner';
import { HaltButton } from './HaltButton';
import { Notices } from './Notices';

const other = account({ id: '6b0f8c52-0000-4000-8000-000000000009', label: 'Second', environment: 'demo' });
const halted = account({
  halt: { level: 'reduce_only', reason: 'halted by hand', at: '2026-11-24T10:00:00Z' },
});
const accepted = { command_ids: ['c1'] };

afterEach(() => {
  clearAsked();
  clearNotices();
});

const both = (
  <>
    <HaltButton />
    <HaltBanner />
  </>
);

describe('halting', () => {
  it('sends one request for all accounts, and says asked until the accounts say so', async () => {
    answers('get', '/api/accounts', pageOf(account(), other));
    const sent = answers('post', '/api/halt', accepted, 202);
    const { queries } = draw(both);
    await userEvent.click(await screen.findByTestId('halt'));
    const dialog = await screen.findByRole('dialog', { name: 'Halt trading' });
    expect(dialog).toHaveTextContent('Exits always go through');
    await userEvent.click(within(dialog).getByTestId('halt-reduce_only'));
    await screen.findByTestId('halt-account');
    await userEvent.dblClick(within(dialog).getByTestId('confirm-halt'));
    expect(await screen.findByTestId('halt-asked')).toHaveTextContent('Asked to halt: reduce only.');
    expect(sent).toEqual([{ level: 'reduce_only' }]);
    expect(screen.queryByTestId('halt-banner')).toBeNull();

    const { halt } = halted;
    answers('get', '/api/accounts', pageOf(halted, { ...other, halt }));
    act(() => void queries.invalidateQueries({ queryKey: keys.accounts }));
    expect(await screen.findByTestId('halt-banner')).toBeVisible();
    expect(screen.queryByTestId('halt-asked')).toBeNull();
  });

  it('of one account names it', async () => {
    answers('get', '/api/accounts', pageOf(account(), other));
    const sent = answers('post', '/api/halt', accepted, 202);
    draw(both);
    await userEvent.click(await screen.findByTestId('halt'));
    await userEvent.selectOptions(await screen.findByTestId('halt-account'), 'Second — DEMO');
    await userEvent.click(screen.getByTestId('confirm-halt'));
    await waitFor(() => expect(sent).toEqual([{ level: 'no_entries', account_id: other.id }]));
  });

  it('closes everything only when FLATTEN is typed', async () => {
    answers('get', '/api/accounts', pageOf(account()));
    const sent = answers('post', '/api/halt', accepted, 202);
    draw(both);
    await userEvent.click(await screen.findByTestId('halt'));
    await userEvent.click(await screen.findByTestId('halt-flatten'));
    const confirm = screen.getByTestId('confirm-halt');
    expect(confirm).toBeDisabled();
    await userEvent.type(screen.getByTestId('halt-word'), 'flatten');
    expect(confirm).toBeDisabled();
    await userEvent.clear(screen.getByTestId('halt-word'));
    await userEvent.type(screen.getByTestId('halt-word'), 'FLATTEN');
    await userEvent.click(confirm);
    await waitFor(() => expect(sent).toEqual([{ level: 'flatten' }]));
  });

  it('says why it was refused', async () => {
    answers('get', '/api/accounts', pageOf(account()));
    refuses('post', '/api/halt', { status: 503, title: 'Down', detail: 'The database does not answer.' });
    draw(both);
    await userEvent.click(await screen.findByTestId('halt'));
    await waitFor(() => expect(screen.getByTestId('confirm-halt')).toBeEnabled());
    await userEvent.click(screen.getByTestId('confirm-halt'));
    expect(await screen.findByText('The database does not answer.')).toBeVisible();
  });
});

describe('the halt banner', () => {
  it('says level, reason and since when, and resumes once confirmed', async () => {
    answers('get', '/api/accounts', pageOf(halted, other));
    const sent = answers('post', '/api/resume', accepted, 202);
    const { queries } = draw(both);
    const banner = await screen.findByTestId('halt-banner');
    expect(banner).toHaveTextContent('Reduce only: halted by hand');
    expect(banner).toHaveTextContent('2026-11-24 10:00:00 UTC');
    await userEvent.click(screen.getByTestId('resume'));
    const confirm = await screen.findByTestId('confirm-resume');
    expect(sent).toEqual([]);
    await userEvent.click(confirm);
    expect(await screen.findByTestId('halt-asked')).toHaveTextContent('Asked to resume');
    // The account that was not halted is left alone.
    expect(sent).toEqual([{ account_id: halted.id }]);
    expect(screen.getByTestId('halt-banner')).toBeVisible();

    answers('get', '/api/accounts', pageOf(account(), other));
    act(() => void queries.invalidateQueries({ queryKey: keys.accounts }));
    await waitFor(() => expect(screen.queryByTestId('halt-banner')).toBeNull());
  });
});

describe('notices', () => {
  it('are kept behind the bell until cleared', async () => {
    draw(<Notices />);
    act(() => putNotice({ level: 'warning', code: 'halted', message: 'Trading is halted.' }, Date.now()));
    const bell = await screen.findByRole('button', { name: 'Notices, 1 new' });
    await userEvent.click(bell);
    expect(await screen.findByText('Trading is halted.')).toBeVisible();
    expect(screen.getByTestId('notices')).toHaveAccessibleName('Notices');
    await userEvent.click(screen.getByText('Clear'));
    expect(screen.queryByTestId('notice')).toBeNull();
  });

  it('of a halt read the accounts again', () => {
    const queries = createQueryClient();
    const invalidated = vi.spyOn(queries, 'invalidateQueries');
    const shown = vi.fn();
    const data = { level: 'warning', code: 'halted', message: 'Trading is halted.' } as const;
    createApply(queries, shown)({ v: 1, type: 'notice', seq: 1, ts: Date.now(), data });
    expect(shown).toHaveBeenCalledWith(data);
    expect(invalidated).toHaveBeenCalledWith({ queryKey: keys.accounts });
  });
});
