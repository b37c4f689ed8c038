import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { Alert } from './Alert';

interface ConfirmProps {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** The verb on the button. */
  verb: string;
  danger?: boolean;
  disabled?: boolean;
  pending: boolean;
  error?: string | undefined;
  testId?: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something happens; Escape and the first focus never do it. */
export function Confirm({
  opened,
  title,
  children,
  verb,
  danger,
  disabled,
  pending,
  error,
  testId,
  onConfirm,
  onClose,
}: ConfirmProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={460}>
      <Stack gap="md">
        {children}
        {error && <Alert tone="danger">{error}</Alert>}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button
            {...(danger ? { color: 'red' } : {})}
            disabled={disabled ?? false}
            loading={pending}
            onClick={onConfirm}
            data-testid={testId}
          >
            {verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
