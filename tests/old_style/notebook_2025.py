# %% training, with the calls of 2025
import sys

from options.train_options import TrainOptions
from data import create_dataset
from models import create_model
from util.util import init_ddp, cleanup_ddp
from util.visualizer import Visualizer

sys.argv = ['train.py'] + TRAIN
opt = TrainOptions().parse()
opt.device = init_ddp()
opt.batch_size = 2
opt.num_threads = 0
opt.serial_batches = True
dataset = create_dataset(opt)
model = create_model(opt)
model.setup(opt)
visualizer = Visualizer(opt)
visualizer.set_dataset_size(len(dataset))

# %% the loop
total_iters = 0
for epoch in range(opt.epoch_count, opt.n_epochs + opt.n_epochs_decay + 1):
    visualizer.reset()
    dataset.set_epoch(epoch)
    epoch_iter = 0
    for i, data in enumerate(dataset):
        total_iters += opt.batch_size
        epoch_iter += opt.batch_size
        model.set_input(data)
        model.optimize_parameters()
        model.compute_visuals()
        visualizer.display_current_results(model.get_current_visuals(), epoch, total_iters, True)
        losses = model.get_current_losses()
        visualizer.print_current_losses(epoch, epoch_iter, losses, 0.25, 0.125)
        visualizer.plot_current_losses(total_iters, losses)
    model.update_learning_rate()
    model.save_networks('latest')
cleanup_ddp()

# %% looking at images
from options.test_options import TestOptions
from util import html, util
from util.visualizer import save_images

sys.argv = ['test.py'] + TEST
opt = TestOptions().parse()
opt.num_threads = 0
opt.batch_size = 2
opt.serial_batches = True
opt.no_flip = True
opt.display_id = -1
test_model = create_model(opt)
test_model.setup(opt)
webpage = html.HTML(opt.results_dir + '/own', 'Own page', refresh=5)
images = []
for i, data in enumerate(create_dataset(opt)):
    test_model.set_input(data)
    test_model.test()
    visuals = test_model.get_current_visuals()
    save_images(webpage, visuals, test_model.get_image_paths(), aspect_ratio=1.0, width=64)
    images.append(util.tensor2im(visuals['fake_B']))
webpage.add_header('another row')
webpage.add_images(['0_fake_B.png'], ['fake'], ['0_real_B.png'], width=32)
webpage.save()
util.save_image(images[0], opt.results_dir + '/own/wide.png', aspect_ratio=2.0)
