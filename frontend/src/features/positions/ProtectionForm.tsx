import { ActionIcon, Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { changeProtection } from '@/api/commands';
import { toApiError } from '@/api/problem';
import type { Position, ProtectionChange } from '@/api/types';
import { useLive } from '@/live/hooks';
import { divide, multiply, parse, subtract } from '@/shared/decimal';
import { duration, price, signed, UNKNOWN } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import { PlusIcon, TrashIcon } from '@/shared/ui/icons';
import { Pnl } from '@/shared/ui/Pnl';
import { useDecimals } from './cells';
import { followProtection } from './follow';
import { armedRungs, type Rung, rewardToRisk } from './levels';
import { MovingFields } from './MovingFields';
import { breakEvenWords, trailingWords } from './moving';
import styles from './ProtectionForm.module.css';
import type { DraftLevel, ProtectionDraft } from './useProtectionDraft';

const MAX_RUNGS = 10;

/** What a level means: where it lies, how far away, and what it brings. */
function Said({ id, level, kind }: { id: string; level: DraftLevel; kind: 'stop' | 'target' }) {
  const decimals = useDecimals(id);
  const distance = useLive((state) => {
    const last = parse(state.quotes[id]?.last);
    const share =
      last && level.price && divide(multiply(subtract(level.price, last), parse('100') ?? last), last, 2);
    return share ? `${signed(share)} %` : null;
  });
  if (!level.price || level.error) return null;
  return (
    <p className={styles.said}>
      <span className="num">at {price(level.price, decimals)}</span>
      {distance && <span className="num">{distance} away</span>}
      <span>
        ≈ <Pnl value={level.result} suffix=" USDT" />
      </span>
      {level.reached && kind === 'target' && (
        <span className={styles.now}>Reached already: it closes at once</span>
      )}
    </p>
  );
}

const timeWords = (seconds: number | null | undefined) => (seconds ? duration(seconds * 1000) : 'never');

const ladderWords = (rungs: readonly Rung[]) =>
  rungs.length === 0 ? 'none' : rungs.map(({ at, portion }) => `${portion} at ${at}`).join(', ');

/** Old beside new, before it is sent. */
function Changes({ position, change }: { position: Position; change: ProtectionChange }) {
  const decimals = useDecimals(position.id);
  return (
    <dl className={styles.change} data-testid="protection-changes">
      {change.stop_loss && (
        <div>
          <dt>Stop-loss</dt>
          <dd className="num">
            {price(position.stop_loss, decimals)} →{' '}
            {change.stop_loss.includes('%') ? change.stop_loss : price(change.stop_loss, decimals)}
          </dd>
        </div>
      )}
      {change.take_profit && (
        <div>
          <dt>Targets</dt>
          <dd>
            {ladderWords(armedRungs(position))} →{' '}
            {ladderWords(change.take_profit.map(({ at, portion = '100%' }) => ({ at, portion })))}
          </dd>
        </div>
      )}
      {change.trailing !== undefined && (
        <div>
          <dt>Trailing</dt>
          <dd>
            {trailingWords(position.trailing)} → {trailingWords(change.trailing)}
          </dd>
        </div>
      )}
      {change.break_even !== undefined && (
        <div>
          <dt>Break-even</dt>
          <dd>
            {breakEvenWords(position.break_even)} → {breakEvenWords(change.break_even)}
          </dd>
        </div>
      )}
      {change.time_exit_s !== undefined && (
        <div>
          <dt>Closed after</dt>
          <dd>
            {timeWords(position.time_exit_s)} → {timeWords(change.time_exit_s)}
          </dd>
        </div>
      )}
    </dl>
  );
}

interface ProtectionFormProps {
  position: Position;
  draft: ProtectionDraft;
  /** Sent; or given up, where that closes something. */
  onDone: () => void;
  onCancel?: () => void;
}

/** Stop-loss, targets and what moves the stop of one position; nothing is sent before the button says what. */
export function ProtectionForm({ position, draft, onDone, onCancel }: ProtectionFormProps) {
  const send = useMutation({
    mutationFn: (change: ProtectionChange) => changeProtection(position.id, change),
    onSuccess: () => {
      followProtection(position);
      draft.reset();
      onDone();
    },
  });
  const { stop, rungs, change } = draft;
  const ratio = rewardToRisk(position, stop.price, rungs[0]?.price ?? null);
  const fired = position.take_profit.filter(({ status }) => status === 'fired');
  const cancel = onCancel ?? (draft.touched ? draft.reset : undefined);

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (change && !send.isPending) send.mutate(change);
      }}
    >
      <Stack gap="md">
        <div className={styles.levels}>
          <div>
            <TextInput
              label="Stop-loss"
              placeholder="64000 or 1.5%"
              inputMode="text"
              autoComplete="off"
              data-autofocus
              data-testid="protect-stop"
              value={stop.text}
              error={stop.error}
              onChange={(event) => draft.setStop(event.currentTarget.value)}
            />
            <Said id={position.id} level={stop} kind="stop" />
          </div>
          {rungs.map((rung, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a rung is its place in the ladder
            <div key={index}>
              <div className={styles.rung}>
                <TextInput
                  label={`Target ${index + 1}`}
                  placeholder="72000 or 3%"
                  autoComplete="off"
                  data-testid={`protect-target-${index + 1}`}
                  value={rung.at}
                  error={rung.error}
                  onChange={(event) => draft.setRung(index, { at: event.currentTarget.value })}
                />
                <TextInput
                  label="Closes"
                  placeholder="50%"
                  autoComplete="off"
                  value={rung.portion}
                  onChange={(event) => draft.setRung(index, { portion: event.currentTarget.value })}
                />
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={36}
                  aria-label={`Remove target ${index + 1}`}
                  onClick={() => draft.removeRung(index)}
                >
                  <TrashIcon />
                </ActionIcon>
              </div>
              <Said id={position.id} level={rung} kind="target" />
            </div>
          ))}
          <Button
            variant="default"
            size="compact-md"
            leftSection={<PlusIcon size={14} />}
            disabled={rungs.length >= MAX_RUNGS}
            onClick={draft.addRung}
          >
            Add a target
          </Button>
        </div>
        <MovingFields moving={draft.moving} errors={draft.movingErrors} onChange={draft.setMoving} />
        {fired.length > 0 && (
          <p className={styles.fired}>
            {fired.length} of {position.take_profit.length} targets reached. Portions count from the quantity
            opened.
          </p>
        )}
        <p className={styles.fired}>
          Reward to risk, first target: <b className="num">{ratio ? `${ratio} : 1` : UNKNOWN}</b>
        </p>
        {draft.ladderError && <Alert tone="danger">{draft.ladderError}</Alert>}
        {change && <Changes position={position} change={change} />}
        {send.error && <Alert tone="danger">{toApiError(send.error).message}</Alert>}
        <Group justify="flex-end" gap="xs">
          {cancel && (
            <Button variant="default" onClick={cancel}>
              {onCancel ? 'Cancel' : 'Put back'}
            </Button>
          )}
          <Button
            type="submit"
            disabled={!change || position.status !== 'open'}
            loading={send.isPending}
            data-testid="protect-send"
          >
            {change?.stop_loss && Object.keys(change).length === 1 ? 'Move the stop' : 'Change protection'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
