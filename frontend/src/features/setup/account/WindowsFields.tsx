import { ActionIcon, Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import type { TradingWindow } from '@/api/types';
import { words } from '@/shared/format';
import { PlusIcon, TrashIcon } from '@/shared/ui/icons';
import styles from '../Setup.module.css';

export type Window = Required<TradingWindow>;

const DAYS: Window['days'] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const MOST = 50;

const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** The user's own zone and UTC first. */
const zones = (used: string) => [...new Set([used, ownZone(), 'UTC', ...Intl.supportedValuesOf('timeZone')])];

const newWindow = (): Window => ({ days: DAYS.slice(0, 5), start: '08:00', end: '20:00', zone: ownZone() });

/** Windows as the form holds them: with every day named. */
export const written = (windows: TradingWindow[] | null | undefined): Window[] =>
  (windows ?? []).map(({ days = DAYS, zone = 'UTC', ...times }) => ({ ...times, days, zone }));

/** What is wrong with the first window that is not whole. */
export function problem(windows: readonly Window[]): string | null {
  const number = windows.findIndex(({ days, start, end }) => days.length === 0 || !start || !end) + 1;
  return number > 0 ? `Window ${number} needs at least one day, and when it begins and ends.` : null;
}

function spanWords({ start, end }: Window): string | null {
  if (start && start === end) return 'The whole day.';
  return start && end && end < start ? 'Goes on into the next day.' : null;
}

interface WindowsFieldsProps {
  windows: Window[];
  error: React.ReactNode;
  onChange: (windows: Window[]) => void;
}

/** When entries are allowed, by the clocks of the zones named. */
export function WindowsFields({ windows, error, onChange }: WindowsFieldsProps) {
  const change = (index: number, part: Partial<Window>) =>
    onChange(windows.map((window, at) => (at === index ? { ...window, ...part } : window)));
  return (
    <fieldset className={styles.group}>
      <legend>Trading windows</legend>
      <p className={styles.hint}>
        {windows.length === 0
          ? 'Entries are allowed at any time.'
          : 'Entries outside all of these are refused; daylight saving is followed.'}
      </p>
      {windows.map((window, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a window is its place in the list
        <div key={index} className={styles.rungs} data-testid={`window-${index}`}>
          <Checkbox.Group
            label={`Window ${index + 1}`}
            value={window.days}
            onChange={(days) => change(index, { days: DAYS.filter((day) => days.includes(day)) })}
          >
            <div className={styles.days}>
              {DAYS.map((day) => (
                <Checkbox key={day} value={day} label={words(day)} />
              ))}
            </div>
          </Checkbox.Group>
          <div className={styles.window}>
            <TextInput
              type="time"
              label="From"
              value={window.start}
              onChange={(event) => change(index, { start: event.currentTarget.value.slice(0, 5) })}
            />
            <TextInput
              type="time"
              label="Until"
              value={window.end}
              onChange={(event) => change(index, { end: event.currentTarget.value.slice(0, 5) })}
            />
            <NativeSelect
              label="By the clock of"
              data={zones(window.zone)}
              value={window.zone}
              onChange={(event) => change(index, { zone: event.currentTarget.value })}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size={36}
              aria-label={`Remove window ${index + 1}`}
              onClick={() => onChange(windows.filter((_, at) => at !== index))}
            >
              <TrashIcon />
            </ActionIcon>
          </div>
          {spanWords(window) && <p className={styles.hint}>{spanWords(window)}</p>}
        </div>
      ))}
      {error && (
        <p className={styles.error} role="alert">
          {error}
        </p>
      )}
      <Button
        variant="default"
        size="compact-md"
        leftSection={<PlusIcon size={14} />}
        disabled={windows.length >= MOST}
        onClick={() => onChange([...windows, newWindow()])}
        data-testid="add-window"
      >
        Add a window
      </Button>
    </fieldset>
  );
}
