import { Modal, Stack } from '@mantine/core';
import { useRef } from 'react';
import type { Position } from '@/api/types';
import { useLive } from '@/live/hooks';
import { Alert } from '@/shared/ui/Alert';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { SideTag } from '@/shared/ui/SideTag';
import { Entry, Last, Qty } from './cells';
import styles from './PositionDialog.module.css';
import { ProtectionForm } from './ProtectionForm';
import { useProtectionDraft } from './useProtectionDraft';

function Body({ position, gone, onClose }: { position: Position; gone: boolean; onClose: () => void }) {
  const draft = useProtectionDraft(position);
  const environment = useLive((state) => state.environments[position.account_id]);
  return (
    <Stack gap="md">
      <dl className={styles.facts}>
        <div>
          <dt>Position</dt>
          <dd className={styles.tags}>
            <Qty position={position} /> <SideTag side={position.side} leverage={position.leverage} />
            {environment && <EnvironmentTag environment={environment} />}
          </dd>
        </div>
        <div>
          <dt>Entry → last price</dt>
          <dd>
            <Entry position={position} /> → <Last id={position.id} />
          </dd>
        </div>
      </dl>
      {gone && <Alert tone="warn">This position has closed meanwhile.</Alert>}
      {!gone && <ProtectionForm position={position} draft={draft} onDone={onClose} onCancel={onClose} />}
    </Stack>
  );
}

/** Stop-loss and targets, from the row they belong to. */
export function ProtectionDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const current = useLive((state) => state.positions[id]);
  const shown = useRef(current);
  if (current) shown.current = current;
  const position = shown.current;
  if (!position) return null;
  return (
    <Modal opened onClose={onClose} title={`Protect ${position.symbol} ${position.side}`} size={480}>
      <Body position={position} gone={!current} onClose={onClose} />
    </Modal>
  );
}
