"""Report the losses, the images and the validation values of a training."""

from collections.abc import Mapping

from display.images import to_picture
from display.reports import FilmReport, LossReport, PictureReport, StatusReport
from models.arrangement import arranged
from training.setup import Training
from training.validation.validation import measure_in_main


def validate(training: Training) -> Mapping[str, float]:
    """Measure the model, update best and plateau, show its images; return the values."""
    assert training.best is not None
    with training.clock.paused():
        measured = measure_in_main(training.validation)
    training.best.add(measured.values, training.clock.progress)
    if training.model.parts.plateau:
        training.model.parts.plateau.add_validation(measured.values)
    training.visualizer.film(
        FilmReport(training.clock.progress, training.best.validations, measured.strips)
    )
    return measured.values


def show_losses(training: Training, validation: Mapping[str, float] | None = None) -> None:
    """Send the losses of the last step to the displays and the doctor. Synchronises."""
    model = training.model
    losses = model.get_current_losses()  # before ``pace``, which must include the wait
    pace = training.clock.pace()
    report = LossReport(training.clock.progress, losses, seconds_per_image=pace.seconds,
                        data_seconds_per_image=pace.data_seconds,
                        learning_rate=model.parts.learning_rate, validation=validation or {})
    training.visualizer.losses(report)
    if training.doctor:
        training.doctor.check_losses(report)


def show_status(training: Training) -> None:
    """Send the losses of the last step to the displays, which do not record them. Synchronises."""
    losses = training.model.get_current_losses()
    training.visualizer.status(StatusReport(training.clock.progress, losses))


def show_images(training: Training, *, keep: bool) -> None:
    """Send the images of the last step to the displays; with ``keep`` also to the web page."""
    training.model.compute_visuals()
    visuals = training.model.get_current_visuals()
    rows = arranged(list(visuals), training.model.comparisons(training.opt))
    names = dict.fromkeys(name for row in rows for name in row)
    images = {name: to_picture(visuals[name][0]) for name in names}
    if training.doctor:
        training.doctor.check_images(visuals)
    report = PictureReport(training.clock.progress, images, keep=keep, rows=rows)
    training.visualizer.pictures(report)
