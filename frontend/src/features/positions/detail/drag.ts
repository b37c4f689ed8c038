import type { IChartApi, ISeriesApi } from 'lightweight-charts';

const MOUSE_PX = 6;
const TOUCH_PX = 16;

interface DragTarget {
  id: string;
  price: number;
}

interface Dragging {
  host: HTMLElement;
  chart: IChartApi;
  series: ISeriesApi<'Candlestick'>;
  /** Lines that may be moved, where they are now. */
  targets: () => readonly DragTarget[];
  onMove: (id: string, price: number) => void;
  /** The line a finger has picked, which the next touch may move; null when none is. */
  onPick: (id: string | null) => void;
}

/**
 * Lets price lines be dragged, which the library does not offer. A finger must pick a line first, so that scrolling
 * the page or the chart never moves a stop. Returns what ends it.
 */
export function makeDraggable({ host, chart, series, targets, onMove, onPick }: Dragging): () => void {
  let moving: string | null = null;
  let picked: string | null = null;

  const yOf = (event: PointerEvent) => event.clientY - host.getBoundingClientRect().top;

  function hit(event: PointerEvent): string | null {
    const reach = event.pointerType === 'touch' ? TOUCH_PX : MOUSE_PX;
    const y = yOf(event);
    let best: string | null = null;
    let nearest = reach + 1;
    for (const { id, price } of targets()) {
      const at = series.priceToCoordinate(price);
      const distance = at === null ? Number.POSITIVE_INFINITY : Math.abs(at - y);
      if (distance < nearest) [best, nearest] = [id, distance];
    }
    return best;
  }

  const scrolling = (on: boolean) => chart.applyOptions({ handleScroll: on, handleScale: on });

  function down(event: PointerEvent) {
    const id = event.button === 0 ? hit(event) : null;
    if (event.pointerType === 'touch' && id !== picked) {
      picked = id;
      onPick(id);
      return;
    }
    if (id === null) return;
    moving = id;
    scrolling(false);
    host.setPointerCapture(event.pointerId);
    event.preventDefault();
    event.stopPropagation();
  }

  function move(event: PointerEvent) {
    if (moving === null) {
      if (event.pointerType === 'mouse') host.style.cursor = hit(event) === null ? '' : 'ns-resize';
      return;
    }
    const price = series.coordinateToPrice(yOf(event));
    if (price !== null && price > 0) onMove(moving, price);
    event.preventDefault();
    event.stopPropagation();
  }

  function up(event: PointerEvent) {
    if (moving === null) return;
    moving = null;
    scrolling(true);
    event.stopPropagation();
  }

  /** A finger that has picked a line moves the line, not the page. */
  function touch(event: TouchEvent) {
    if (moving !== null) event.preventDefault();
  }

  const capture = { capture: true };
  host.addEventListener('pointerdown', down, capture);
  host.addEventListener('pointermove', move, capture);
  host.addEventListener('pointerup', up, capture);
  host.addEventListener('pointercancel', up, capture);
  host.addEventListener('touchmove', touch, { capture: true, passive: false });
  return () => {
    host.removeEventListener('pointerdown', down, capture);
    host.removeEventListener('pointermove', move, capture);
    host.removeEventListener('pointerup', up, capture);
    host.removeEventListener('pointercancel', up, capture);
    host.removeEventListener('touchmove', touch, capture);
  };
}
