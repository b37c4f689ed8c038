import type { ReactNode } from 'react';

interface IconProps {
  size?: number;
}

/** Icons are decoration: the words beside them, or the label of their button, say what they mean. */
function icon(paths: ReactNode, fill = false) {
  return function Icon({ size = 16 }: IconProps) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill={fill ? 'currentColor' : 'none'}
        stroke={fill ? 'none' : 'currentColor'}
        strokeWidth={1.8}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {paths}
      </svg>
    );
  };
}

export const PositionsIcon = icon(
  <>
    <path d="M3 17.5 9 11l4 4 8-8.5" />
    <path d="M15.5 6.5H21V12" />
  </>,
);
export const SignalsIcon = icon(
  <>
    <circle cx="12" cy="12" r="1.6" />
    <path d="M8.1 15.9a5.5 5.5 0 0 1 0-7.8M15.9 8.1a5.5 5.5 0 0 1 0 7.8" />
    <path d="M5 19A10 10 0 0 1 5 5M19 5a10 10 0 0 1 0 14" />
  </>,
);
export const SetupIcon = icon(
  <>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.6" />
    <circle cx="8" cy="17" r="2.6" />
  </>,
);
export const HistoryIcon = icon(
  <>
    <path d="M4 12a8 8 0 1 0 2.6-5.9L4 8.5" />
    <path d="M4 4v4.5h4.5M12 7.8V12l3 2" />
  </>,
);
export const OverviewIcon = icon(<path d="M4 20V11M10 20V4M16 20v-7M21 20H3" />);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4" />
  </>,
);
export const MoonIcon = icon(<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z" />);
export const SystemIcon = icon(
  <>
    <rect x="3" y="4" width="18" height="12.5" rx="2" />
    <path d="M8.5 20.5h7M12 16.5v4" />
  </>,
);
export const LogOutIcon = icon(
  <path d="M9 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h3M15 16.5l4.5-4.5L15 7.5M19.5 12H9" />,
);
export const UserIcon = icon(
  <>
    <circle cx="12" cy="8" r="3.8" />
    <path d="M4.5 20.5a7.5 7.5 0 0 1 15 0" />
  </>,
);
export const ShieldIcon = icon(
  <>
    <path d="M12 3 4.8 6v5.6c0 4.3 3 7.8 7.2 9.4 4.2-1.6 7.2-5.1 7.2-9.4V6z" />
    <path d="m8.8 12 2.3 2.3 4.2-4.4" />
  </>,
);
export const ShieldAlertIcon = icon(
  <>
    <path d="M12 3 4.8 6v5.6c0 4.3 3 7.8 7.2 9.4 4.2-1.6 7.2-5.1 7.2-9.4V6z" />
    <path d="M12 8.2v4.2M12 15.8v.1" />
  </>,
);
export const CopyIcon = icon(
  <>
    <rect x="8.5" y="8.5" width="12" height="12" rx="2" />
    <path d="M15.5 8.5v-3a2 2 0 0 0-2-2h-8a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h3" />
  </>,
);
export const CheckIcon = icon(<path d="m4.5 12.5 5 5 10-11" />);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const TrashIcon = icon(<path d="M4 7h16M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5" />);
export const WarningIcon = icon(
  <>
    <path d="M12 4 2.8 19.5h18.4z" />
    <path d="M12 10v4M12 16.8v.1" />
  </>,
);
export const CloseIcon = icon(<path d="m6 6 12 12M18 6 6 18" />);
export const ChevronIcon = icon(<path d="m9 5.5 6.5 6.5L9 18.5" />);
export const DotsIcon = icon(
  <>
    <circle cx="5.5" cy="12" r="1.7" />
    <circle cx="12" cy="12" r="1.7" />
    <circle cx="18.5" cy="12" r="1.7" />
  </>,
  true,
);
export const BellIcon = icon(
  <>
    <path d="M6 10a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4S6 15 6 10z" />
    <path d="M10 19.8a2.2 2.2 0 0 0 4 0" />
  </>,
);
export const HaltIcon = icon(
  <>
    <path d="M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3z" />
    <path d="M8.5 12h7" />
  </>,
);
